/* Descriptors and files: whole reads and writes, files that appear whole. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nfio.h"
#include "tap.h"

static struct nf_err err;

/* ---- pipes whose ends do not wait ------------------------------------- */

enum { N = 1 << 20 };

static unsigned char sent[N], got[N];

static void *
sender(void *arg)
{
	struct nf_err e;

	if (nf_write_full(*(int *)arg, sent, N, "a pipe", &e) == -1)
		return (void *)1;
	close(*(int *)arg);
	return NULL;
}

static void
pipes(void)
{
	pthread_t thread;
	size_t n, k;
	void *failed;
	int end[2];

	for (k = 0; k < N; k++)
		sent[k] = (unsigned char)(k * k >> 7);
	if (pipe2(end, O_NONBLOCK) == -1 ||
	    pthread_create(&thread, NULL, sender, &end[1]) != 0)
		exit(1);
	ok(nf_read_full(end[0], got, N, &n, "a pipe", &err) == 0 && n == N &&
	    memcmp(got, sent, N) == 0,
	    "a megabyte through a pipe whose ends do not wait");
	ok(nf_read_full(end[0], got, 10, &n, "a pipe", &err) == 0 && n == 0,
	    "and then its end");
	pthread_join(thread, &failed);
	ok(failed == NULL, "all was sent");
	close(end[0]);
	ok(nf_read_full(end[0], got, 10, &n, "NAME", &err) == -1 &&
	    err.code == NF_ESYS &&
	    strcmp(err.msg, "NAME: cannot read: Bad file descriptor") == 0,
	    "a read that fails");
	ok(nf_write_full(end[0], got, 10, "NAME", &err) == -1 &&
	    err.code == NF_ESYS &&
	    strcmp(err.msg, "NAME: cannot write: Bad file descriptor") == 0,
	    "a write that fails");
}

/* ---- whole files ------------------------------------------------------ */

static void
put(const char *path, const char *s, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, s, strlen(s)) != (ssize_t)strlen(s) ||
	    fchmod(fd, mode) == -1)
		exit(1);
	close(fd);
}

static bool
holds(const char *path, const char *s)
{
	char buf[100] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = fd == -1 ? -1 : read(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n == (ssize_t)strlen(s) && memcmp(buf, s, strlen(s)) == 0;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == -1 ? 0 : st.st_mode & 0777;
}

/* Write s as the file path; false where that is refused. */
static bool
replace(const char *path, const char *s)
{
	struct nf_whole *f;

	if (nf_whole_begin(&f, path, &err) == -1)
		return false;
	put(nf_whole_tmp(f), s, mode_of(nf_whole_tmp(f)));
	return nf_whole_commit(f, &err) == 0;
}

static void
whole(void)
{
	struct nf_whole *f, *g;
	char tmp[100];

	umask(022);
	ok(replace("a", "one") && holds("a", "one") && mode_of("a") == 0644,
	    "a new file");
	put("a", "old", 0640);
	ok(replace("a", "two") && holds("a", "two") && mode_of("a") == 0640,
	    "one that replaces another, whose mode it keeps");
	ok(symlink("a", "link") == 0 && replace("link", "three") &&
	    holds("a", "three") && mode_of("link") == 0777,
	    "a link's file is replaced, not the link");
	ok(mkdir("dir", 0755) == 0 && replace("dir/b", "x") &&
	    holds("dir/b", "x"), "a file in a directory");

	if (nf_whole_begin(&f, "a", &err) == -1 ||
	    nf_whole_begin(&g, "a", &err) == -1)
		exit(1);
	ok(strcmp(nf_whole_tmp(f), nf_whole_tmp(g)) != 0,
	    "two at once do not meet");
	put(nf_whole_tmp(f), "four", 0644);
	put(nf_whole_tmp(g), "five", 0644);
	ok(holds("a", "three"), "nothing shows before it is whole");
	snprintf(tmp, sizeof(tmp), "%s", nf_whole_tmp(f));
	nf_whole_abort(f);
	ok(access(tmp, F_OK) == -1 && holds("a", "three"),
	    "what is given up leaves nothing");
	snprintf(tmp, sizeof(tmp), "%s", nf_whole_tmp(g));
	ok(nf_whole_commit(g, &err) == 0 && access(tmp, F_OK) == -1 &&
	    holds("a", "five"), "what is whole leaves itself");
	nf_whole_abort(NULL);

	ok(!replace("/dev/null", "x") && err.code == NF_EUSE &&
	    strcmp(err.msg, "/dev/null: not a regular file, so it cannot be "
	    "replaced") == 0, "a device is left alone");
	ok(!replace("dir", "x") && err.code == NF_EUSE, "and a directory");
	ok(!replace("nowhere/a", "x") && err.code == NF_ESYS &&
	    strcmp(err.msg, "nowhere/a: cannot create: No such file or "
	    "directory") == 0, "a directory that is not there");
	if (nf_whole_begin(&f, "dir/c", &err) == -1)
		exit(1);
	unlink(nf_whole_tmp(f));
	ok(nf_whole_commit(f, &err) == -1 && err.code == NF_ESYS &&
	    strcmp(err.msg, "dir/c: cannot finish: No such file or "
	    "directory") == 0,
	    "a file that cannot be finished");
}

static void
temporary(void)
{
	char buf[4] = "";
	int fd = -1;

	ok(nf_temp_open(&fd, &err) == 0 && write(fd, "abc", 3) == 3 &&
	    pread(fd, buf, 3, 0) == 3 && strcmp(buf, "abc") == 0,
	    "a temporary file");
	close(fd);
	ok(setenv("TMPDIR", "/nowhere", 1) == 0 &&
	    nf_temp_open(&fd, &err) == -1 && err.code == NF_ESYS,
	    "no place for one");
}

int
main(void)
{
	char dir[] = "/tmp/nfpipe-test-XXXXXX", command[100];

	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		return 1;
	pipes();
	whole();
	temporary();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) != 0 || done();
}
