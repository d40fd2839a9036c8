/* peak FILE COMMAND...: run it, and leave the most memory it held, in kB. */
#include <sys/resource.h>
#include <sys/wait.h>

#include <stdio.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct rusage u;
	int status;
	FILE *f;
	pid_t pid;

	if (argc < 3 || (f = fopen(argv[1], "w")) == NULL)
		return 2;
	if ((pid = fork()) == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid == -1 || wait4(pid, &status, 0, &u) == -1)
		return 1;
	fprintf(f, "%ld\n", u.ru_maxrss);
	if (fclose(f) != 0 || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}
