/* Rows as they arrive: in memory, or in a temporary file. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "prep.h"
#include "store.h"

#define CHUNK	(1u << 20)		/* bytes, about */

static const char temp_name[] = "a temporary file";

/* Leave memory for a file. */
static int
leave(struct nf_store *s, struct nf_err *err)
{
	if (nf_temp_open(&s->fd, err) == -1 ||
	    nf_write_full(s->fd, s->mem.p, s->nrow * s->rowsize, temp_name,
	    err) == -1)
		return -1;
	nf_grow_free(&s->mem);
	return 0;
}

static int
grow_buf(struct nf_store *s, size_t want, struct nf_err *err)
{
	if (want <= s->nbuf)
		return 0;
	nf_free(s->buf);
	s->nbuf = 0;
	if ((s->buf = nf_alloc(want, 1, "rows", err)) == NULL)
		return -1;
	s->nbuf = want;
	return 0;
}

/* ---- rows that arrive --------------------------------------------------- */

/* Who takes rows in, and who watches. */
struct fill {
	struct nf_store *s;
	const struct nf_feed *f;
	const uint32_t *col;		/* NULL: all, as they are */
	XXH3_state_t *sum;
	int rc;
	struct nf_err *err;

	int is_watched;
	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t nrow;			/* that are there to be seen */
	int leaves, is_left;		/* memory is about to go; nobody
					 * looks at it any more */
	int ended;
};

static void
wait_until_left(struct fill *l)
{
	pthread_mutex_lock(&l->lock);
	l->leaves = 1;
	pthread_cond_broadcast(&l->change);
	while (!l->is_left)
		pthread_cond_wait(&l->change, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

static int
put(struct fill *l, const struct nf_rows *rows)
{
	struct nf_store *s = l->s;
	size_t used = s->nrow * s->rowsize, n = rows->nrow * s->rowsize;
	char *to;

	if (s->fd == -1 && n > s->max - used) {
		if (l->is_watched)
			wait_until_left(l);
		if (leave(s, l->err) == -1)
			return -1;
	}
	if (s->fd != -1) {
		if (grow_buf(s, n, l->err) == -1)
			return -1;
		to = s->buf;
	} else {
		if (nf_grow_to(&s->mem, used + n, "rows", l->err) == -1)
			return -1;
		to = (char *)s->mem.p + used;
	}
	nf_rows_gather(rows, l->col, s->ncol, s->type, to);
	if (XXH3_64bits_update(l->sum, to, n) != XXH_OK)
		return nf_fail(l->err, NF_ESYS, "cannot add up rows");
	s->nrow += rows->nrow;
	return s->fd == -1 ? 0 : nf_write_full(s->fd, to, n, temp_name,
	    l->err);
}

/* Rows to be seen so far, and whether more will come. */
static void
tell(struct fill *l, int ended)
{
	if (!l->is_watched)
		return;
	pthread_mutex_lock(&l->lock);
	if (!l->leaves)
		l->nrow = l->s->nrow;
	l->ended = ended;
	pthread_cond_broadcast(&l->change);
	pthread_mutex_unlock(&l->lock);
}

static void *
take_in(void *arg)
{
	struct fill *l = arg;
	struct nf_rows rows;

	while ((l->rc = l->f->next(l->f->arg, &rows, l->err)) == 1) {
		if ((l->rc = put(l, &rows)) == -1)
			break;
		tell(l, 0);
	}
	tell(l, 1);
	return NULL;
}

/* Hand on chunks that are whole until the reader is done with memory. */
static void
hand_on(struct fill *l, const struct nf_watch *w)
{
	uint64_t n = l->s->chunk, first = 0, told = 0;
	int is_there;

	pthread_mutex_lock(&l->lock);
	while (!l->leaves && !l->ended) {
		is_there = l->nrow - first >= n;
		if (!is_there && told == first) {
			pthread_cond_wait(&l->change, &l->lock);
			continue;
		}
		pthread_mutex_unlock(&l->lock);
		if (is_there) {
			w->rows(w->arg, (char *)l->s->mem.p + first *
			    l->s->rowsize, first, n);
			first += n;
		} else if (!w->idle(w->arg, first))
			told = first;
		pthread_mutex_lock(&l->lock);
	}
	l->is_left = 1;
	pthread_cond_broadcast(&l->change);
	pthread_mutex_unlock(&l->lock);
}

/* Without a thread, rows are seen when all are there. */
static void
take_in_watched(struct fill *l, const struct nf_watch *w)
{
	sigset_t all, was;
	pthread_t thread;

	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->change, NULL);
	l->is_watched = 1;
	/* Signals are for those who wait. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	if (pthread_create(&thread, NULL, take_in, l) != 0)
		l->is_watched = 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (l->is_watched) {
		w->begun(w->arg);
		hand_on(l, w);
		pthread_join(thread, NULL);
	} else
		take_in(l);
	pthread_cond_destroy(&l->change);
	pthread_mutex_destroy(&l->lock);
}

/* Are these all of a row's columns, in their order? */
static int
is_all(const uint32_t *col, uint32_t ncol, const struct nf_schema *s)
{
	uint32_t j;

	for (j = 0; j < ncol && col[j] == j; j++)
		;
	return j == ncol && ncol == s->column.n;
}

static void
begin(struct nf_store *s, const struct nf_feed *f, uint32_t ncol,
    uint64_t max)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->ncol = ncol;
	s->type = f->schema->type;
	s->rowsize = ncol * nf_type_size(s->type);
	s->chunk = CHUNK / s->rowsize / NF_PREP_RUN * NF_PREP_RUN;
	s->chunk = s->chunk == 0 ? NF_PREP_RUN : s->chunk;
	/* What is known to be too much need not be moved later. */
	s->max = f->total != NF_NROW_UNKNOWN && f->total > max / s->rowsize ?
	    0 : max;
}

int
nf_store_fill(struct nf_store *s, const struct nf_feed *f,
    const uint32_t *col, uint32_t ncol, uint64_t max,
    const struct nf_watch *watch, struct nf_err *err)
{
	struct fill l = { .s = s, .f = f, .err = err, .rc = -1,
		.sum = XXH3_createState(),
		.col = is_all(col, ncol, f->schema) ? NULL : col };

	begin(s, f, ncol, max);
	if (l.sum == NULL)
		nf_fail(err, NF_ESYS, "no memory to add up rows");
	else if (XXH3_64bits_reset(l.sum) == XXH_OK &&
	    nf_grow_open(&s->mem, s->max, "rows", err) == 0) {
		if (watch != NULL)
			take_in_watched(&l, watch);
		else
			take_in(&l);
	}
	if (l.rc == 0)
		s->digest = XXH3_64bits_digest(l.sum);
	XXH3_freeState(l.sum);
	if (l.rc == -1)
		nf_store_free(s);
	return l.rc;
}

/* ---- and are there ------------------------------------------------------ */

bool
nf_store_in_file(const struct nf_store *s)
{
	return s->fd != -1;
}

int
nf_store_rows(struct nf_store *s, uint64_t first, const void **x,
    uint64_t *nrow, struct nf_err *err)
{
	uint64_t n = s->nrow - first;
	size_t got;

	*nrow = n = n < s->chunk ? n : s->chunk;
	*x = (char *)s->mem.p + first * s->rowsize;
	if (s->fd == -1)
		return 0;
	if (grow_buf(s, s->chunk * s->rowsize, err) == -1)
		return -1;
	*x = s->buf;
	if (lseek(s->fd, (off_t)(first * s->rowsize), SEEK_SET) == -1)
		return nf_fail(err, NF_ESYS, "%s: %s", temp_name,
		    strerror(errno));
	if (nf_read_full(s->fd, s->buf, n * s->rowsize, &got, temp_name,
	    err) == -1)
		return -1;
	return got == n * s->rowsize ? 0 : nf_fail(err, NF_ESYS,
	    "%s became shorter", temp_name);
}

void
nf_store_free(struct nf_store *s)
{
	if (s->rowsize > 0 && s->fd != -1)
		close(s->fd);
	nf_grow_free(&s->mem);
	nf_free(s->buf);
	memset(s, 0, sizeof(*s));
}
