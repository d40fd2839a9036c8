/* Succeeds where this build was made with NF_FAULTS. */
int
main(void)
{
#ifdef NF_FAULTS
	return 0;
#else
	return 1;
#endif
}
