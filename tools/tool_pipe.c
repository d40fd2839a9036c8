/* The ends of a program's pipes, and the memory that it may take. */
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

int
tool_input(const char *file, int *fd, const char **name, struct nf_err *err)
{
	struct stat st;

	if (file == NULL || strcmp(file, "-") == 0) {
		if (isatty(STDIN_FILENO))
			tool_usage("standard input is a terminal: pipe a "
			    "stream into it, as h5cols FILE.h5 | %s",
			    tool_name);
		*fd = STDIN_FILENO;
		*name = "stdin";
		return 0;
	}
	*name = file;
	*fd = open(file, O_RDONLY | O_CLOEXEC);
	if (*fd == -1 || fstat(*fd, &st) == -1)
		return nf_fail(err, NF_ESYS, "%s: %s", file, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return nf_fail(err, NF_ESYS, "%s: is a directory, want a file "
		    "that holds a stream", file);
	return 0;
}

int
tool_open(const char *file, struct nf_reader **r, struct nf_err *err)
{
	const char *name;
	int fd;

	*r = NULL;
	if (tool_input(file, &fd, &name, err) == -1)
		return -1;
	return nf_reader_open(r, fd, name, err);
}

int
tool_no_terminal(const char *what, struct nf_err *err)
{
	return isatty(STDOUT_FILENO) ? nf_fail(err, NF_EUSE, "refusing to "
	    "write %s to a terminal; pipe it into nfcat -t", what) : 0;
}

int
tool_output(const struct nf_schema *s, int flags, struct nf_writer **w,
    struct nf_err *err)
{
	*w = NULL;
	if (tool_no_terminal("a stream", err) == -1)
		return -1;
	return nf_writer_open(w, STDOUT_FILENO, "stdout", s, flags, err);
}

int
tool_flush(struct nf_err *err)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : nf_fail(err,
	    NF_ESYS, "stdout: cannot write: %s", strerror(errno));
}

/* ---- memory ----------------------------------------------------------- */

/* The number behind key at the start of a line of a file, or none. */
static uint64_t
number_in(const char *path, const char *key, uint64_t none)
{
	FILE *f = fopen(path, "re");
	char line[256];
	uint64_t v = none;
	size_t n = strlen(key);
	char *end;

	if (f == NULL)
		return none;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, n) == 0) {
			v = strtoull(line + n, &end, 10);
			if (end == line + n)		/* "max" */
				v = none;
			break;
		}
	fclose(f);
	return v;
}

static uint64_t
left_of(uint64_t limit, uint64_t used)
{
	return limit == UINT64_MAX ? limit : limit > used ? limit - used : 0;
}

/* What is left in one control group; file pages not in use do not count. */
static uint64_t
left_in_group(const char *dir, bool v2)
{
	char path[PATH_MAX + 64];
	uint64_t limit, used, cache;

	snprintf(path, sizeof(path), "%s/%s", dir,
	    v2 ? "memory.max" : "memory.limit_in_bytes");
	limit = number_in(path, "", UINT64_MAX);
	snprintf(path, sizeof(path), "%s/%s", dir,
	    v2 ? "memory.current" : "memory.usage_in_bytes");
	used = number_in(path, "", 0);
	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	cache = number_in(path, v2 ? "inactive_file " : "total_inactive_file ",
	    0);
	return left_of(limit, left_of(used, cache));
}

/*
 * The least that is left in this process's control groups, from its own up
 * to the root: a line is "0::/path" (v2) or "7:memory:/path" (v1).
 */
static uint64_t
left_in_groups(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX], dir[PATH_MAX + 32];
	uint64_t left, least = UINT64_MAX;
	char *path, *root, *slash;
	bool v2;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		v2 = strncmp(line, "0::/", 4) == 0;
		path = strstr(line, v2 ? "/" : ":memory:/");
		if (path == NULL)
			continue;
		path[strcspn(path, "\n")] = '\0';
		snprintf(dir, sizeof(dir), "/sys/fs/cgroup%s%s",
		    v2 ? "" : "/memory", v2 ? path : path + 8);
		root = dir + strlen("/sys/fs/cgroup") + (v2 ? 0 : 7);
		do {
			left = left_in_group(dir, v2);
			least = left < least ? left : least;
			slash = strrchr(root, '/');
			if (slash != NULL)
				*slash = '\0';
		} while (slash != NULL);
	}
	if (f != NULL)
		fclose(f);
	return least;
}

/* What is left below one of this process's own limits (ulimit). */
static uint64_t
left_in_limit(int resource, const char *used)
{
	struct rlimit r;

	if (getrlimit(resource, &r) == -1 || r.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return left_of(r.rlim_cur,
	    number_in("/proc/self/status", used, 0) * 1024);
}

uint64_t
tool_memory(void)
{
	uint64_t kb = number_in("/proc/meminfo", "MemAvailable:",
	    UINT64_MAX / 1024);
	uint64_t left[] = {
		kb * 1024, left_in_groups(),
		left_in_limit(RLIMIT_AS, "VmSize:"),
		left_in_limit(RLIMIT_DATA, "VmData:"),
	};
	size_t k;

	for (k = 1; k < sizeof(left) / sizeof(left[0]); k++)
		left[0] = left[k] < left[0] ? left[k] : left[0];
	return left[0];
}
