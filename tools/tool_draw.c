/* What programs share that draw: the terminal, bins, images. */
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "tool_draw.h"

int
tool_width(int fd)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	int n = s == NULL ? 0 : atoi(s);

	if (n <= 0 && ioctl(fd, TIOCGWINSZ, &w) == 0)
		n = w.ws_col;
	if (n <= 0)
		n = 80;
	if (n < NF_PLOT_MIN)
		return NF_PLOT_MIN;
	return n > NF_PLOT_MAX ? NF_PLOT_MAX : n;
}

bool
tool_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no == NULL || *no == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

void
tool_range(char *arg, double *lo, double *hi, const char *opt)
{
	char *colon = strchr(arg, ':');

	if (colon == NULL)
		tool_usage("%s: '%s' is not LO:HI", opt, arg);
	*colon = '\0';
	if (*arg != '\0')
		*lo = tool_double(arg, opt);
	if (colon[1] != '\0')
		*hi = tool_double(colon + 1, opt);
	if (*lo >= *hi)
		tool_usage("%s: %s is not below %s", opt, arg, colon + 1);
}

void
tool_bins(char *arg, struct nf_binning *b, const char *opt)
{
	static double edge[NF_AXIS_MAX_BINS + 1];
	char *s;

	*b = (struct nf_binning){ .lo = b->lo, .hi = b->hi, .log = b->log };
	if (strchr(arg, ',') == NULL) {
		b->nbin = (int)tool_int(arg, 1, NF_AXIS_MAX_BINS, opt);
		return;
	}
	for (; (s = strsep(&arg, ",")) != NULL; b->nedge++) {
		if (b->nedge > NF_AXIS_MAX_BINS)
			tool_usage("%s: more than %d edges", opt,
			    NF_AXIS_MAX_BINS + 1);
		edge[b->nedge] = tool_double(s, opt);
		if (b->nedge > 0 && edge[b->nedge] <= edge[b->nedge - 1])
			tool_usage("%s: the edge %s does not ascend", opt, s);
	}
	b->edge = edge;
}

/* ---- images ----------------------------------------------------------- */

enum nf_image
tool_image_kind(const char *path, const char *opt)
{
	static const char *const end[] = {
		[NF_IMAGE_PNG] = ".png", [NF_IMAGE_SVG] = ".svg",
		[NF_IMAGE_PDF] = ".pdf"
	};
	const char *dot = strrchr(path, '.');
	int k;

	for (k = 0; dot != NULL && k < 3; k++)
		if (strcmp(dot, end[k]) == 0)
			return (enum nf_image)k;
	tool_usage("%s: '%s' does not end in .png, .svg or .pdf", opt, path);
}

/* Start gnuplot, its standard input in *fd, its output nowhere. */
static int
start(pid_t *pid, int *fd, struct nf_err *err)
{
	static char *const argv[] = { (char *)"gnuplot", NULL };
	posix_spawn_file_actions_t act;
	int end[2], rc;

	if (pipe2(end, O_CLOEXEC) == -1)
		return nf_fail(err, NF_ESYS, "a pipe to gnuplot: %s",
		    strerror(errno));
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, end[0], STDIN_FILENO);
	posix_spawn_file_actions_addopen(&act, STDOUT_FILENO, "/dev/null",
	    O_WRONLY, 0);
	rc = posix_spawnp(pid, argv[0], &act, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&act);
	close(end[0]);
	if (rc == 0) {
		*fd = end[1];
		return 0;
	}
	close(end[1]);
	return nf_fail(err, NF_ESYS, "gnuplot, which draws images: %s; "
	    "install it (Debian: gnuplot-nox), or leave -o out", strerror(rc));
}

/* Have gnuplot do what a page says. */
static int
gnuplot(const struct nf_page *page, struct nf_err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, was;
	int fd = -1, rc, status;
	pid_t pid;

	if (start(&pid, &fd, err) == -1)
		return -1;
	sigaction(SIGPIPE, &ignore, &was);
	rc = nf_write_full(fd, page->s, page->n, "gnuplot", err);
	sigaction(SIGPIPE, &was, NULL);
	close(fd);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return nf_fail(err, NF_ESYS, "gnuplot: %s",
			    strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return nf_fail(err, NF_ESYS, "gnuplot failed");
	return rc;
}

int
tool_image(const char *path, tool_script *script, const void *arg,
    struct nf_err *err)
{
	enum nf_image image = tool_image_kind(path, "-o");
	struct nf_page page = { 0 };
	struct nf_whole *f = NULL;
	int rc = -1;

	if (nf_line_check(path, err) == 0 &&
	    nf_whole_begin(&f, path, err) == 0 &&
	    script(&page, image, nf_whole_tmp(f), arg, err) == 0)
		rc = gnuplot(&page, err);
	nf_page_free(&page);
	if (rc == 0)
		return nf_whole_commit(f, err);
	nf_whole_abort(f);
	return -1;
}
