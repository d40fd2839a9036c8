/* Descriptors and files: whole reads and writes, files that appear whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static bool only_named;			/* the system knows no other files */

/* Stands before the system's. */
int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_TMPFILE) == O_TMPFILE && only_named) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, path, flags, mode);
}

static void
put(const char *path, const char *s)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, s, strlen(s)) != (ssize_t)strlen(s))
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

/* How many names there are that begin with prefix, here. */
static int
names(const char *prefix)
{
	DIR *d = opendir(".");
	struct dirent *e;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

/* Write s as the file path; false where that is refused. */
static bool
replace(const char *path, const char *s)
{
	struct nf_whole *f;

	if (nf_whole_begin(&f, path, &err) == -1)
		return false;
	put(nf_whole_tmp(f), s);
	return nf_whole_commit(f, &err) == 0;
}

static void
whole(void)
{
	ok(replace("a", "one") && holds("a", "one") && mode_of("a") == 0644,
	    "a new file");
	ok(chmod("a", 0640) == 0 && replace("a", "two") &&
	    holds("a", "two") && mode_of("a") == 0640,
	    "one that replaces another, whose mode it keeps");
	ok(symlink("a", "link") == 0 && replace("link", "three") &&
	    holds("a", "three") && mode_of("link") == 0777,
	    "a link's file is replaced, not the link");
	ok(mkdir("dir", 0755) == 0 && replace("dir/b", "x") &&
	    holds("dir/b", "x") && replace("dir/b", "yz") &&
	    holds("dir/b", "yz"), "a file in a directory");
	ok(names("a") == 1, "and nothing beside");
}

static void
two(void)
{
	struct nf_whole *f, *g;

	if (nf_whole_begin(&f, "a", &err) == -1 ||
	    nf_whole_begin(&g, "a", &err) == -1)
		exit(1);
	ok(strcmp(nf_whole_tmp(f), nf_whole_tmp(g)) != 0,
	    "two at once do not meet");
	put(nf_whole_tmp(f), "four");
	put(nf_whole_tmp(g), "five");
	ok(holds("a", "three"), "nothing shows before it is whole");
	ok(names("a.") == (only_named ? 2 : 0), "%d names meanwhile",
	    names("a."));
	nf_whole_abort(f);
	ok(names("a.") == (only_named ? 1 : 0) && holds("a", "three"),
	    "what is given up leaves nothing");
	ok(nf_whole_commit(g, &err) == 0 && names("a") == 1 &&
	    holds("a", "five"), "what is whole leaves itself");
	nf_whole_abort(NULL);
}

/* A name that another program took, and one that is nobody's. */
static void
taken(void)
{
	char path[100];

	snprintf(path, sizeof(path), "a.%ld-0.tmp", (long)getpid());
	put(path, "mine");
	ok(replace("a", "six") && holds("a", "six") && holds(path, "mine") &&
	    names("a") == 2, "a name beside that is taken");
	unlink(path);
}

static void
refused(void)
{
	struct nf_whole *f;

	ok(!replace("/dev/null", "x") && err.code == NF_EUSE &&
	    strcmp(err.msg, "/dev/null: not a regular file, so it cannot be "
	    "replaced") == 0, "a device is left alone");
	ok(!replace("dir", "x") && err.code == NF_EUSE, "and a directory");
	ok(!replace("nowhere/a", "x") && err.code == NF_ESYS &&
	    strcmp(err.msg, "nowhere/a: cannot create: No such file or "
	    "directory") == 0, "a directory that is not there");
	if (mkdir("gone", 0755) == -1 ||
	    nf_whole_begin(&f, "gone/c", &err) == -1)
		exit(1);
	unlink(nf_whole_tmp(f));
	ok(rmdir("gone") == 0 && nf_whole_commit(f, &err) == -1 &&
	    err.code == NF_ESYS && strcmp(err.msg, "gone/c: cannot finish: "
	    "No such file or directory") == 0,
	    "a file that cannot be finished");
}

/* A writer that is killed: only a name that it had to have stays. */
static void
killed(void)
{
	struct nf_whole *f;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (nf_whole_begin(&f, "a", &err) == 0)
			put(nf_whole_tmp(f), "half of");
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    holds("a", "six") && names("a.") == (only_named ? 1 : 0),
	    "a writer that is killed leaves %d names", names("a."));
}

static void
all_of_whole(bool named)
{
	char command[] = "rm -r a* link dir";

	only_named = named;
	umask(022);
	whole();
	two();
	taken();
	refused();
	killed();
	if (system(command) != 0)
		exit(1);
}

static void
temporary(void)
{
	char buf[4] = "";
	int fd = -1;

	unsetenv("TMPDIR");
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
	int fd;

	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		return 1;
	pipes();
	fd = open(".", O_TMPFILE | O_WRONLY, 0600);
	if (fd == -1)
		printf("# no files without names here\n");
	else
		all_of_whole(false);
	all_of_whole(true);
	temporary();
	only_named = false;
	temporary();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) != 0 || done();
}
