/* Rows as they arrive: in memory, or in a temporary file. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "prep.h"
#include "store.h"

#define CHUNK	(8u << 20)		/* bytes, about */

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

static int
put(struct nf_store *s, const struct nf_rows *rows, const uint32_t *col,
    XXH3_state_t *sum, struct nf_err *err)
{
	size_t used = s->nrow * s->rowsize, n = rows->nrow * s->rowsize;
	char *to;

	if (s->fd == -1 && n > s->max - used && leave(s, err) == -1)
		return -1;
	if (s->fd != -1) {
		if (grow_buf(s, n, err) == -1)
			return -1;
		to = s->buf;
	} else {
		if (nf_grow_to(&s->mem, used + n, "rows", err) == -1)
			return -1;
		to = (char *)s->mem.p + used;
	}
	nf_rows_gather(rows, col, s->ncol, s->type, to);
	if (XXH3_64bits_update(sum, to, n) != XXH_OK)
		return nf_fail(err, NF_ESYS, "cannot add up rows");
	s->nrow += rows->nrow;
	return s->fd == -1 ? 0 : nf_write_full(s->fd, to, n, temp_name, err);
}

int
nf_store_fill(struct nf_store *s, const struct nf_feed *f,
    const uint32_t *col, uint32_t ncol, uint64_t max, struct nf_err *err)
{
	XXH3_state_t *sum = XXH3_createState();
	struct nf_rows rows;
	int rc = -1;

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
	if (sum == NULL)
		nf_fail(err, NF_ESYS, "no memory to add up rows");
	else if (XXH3_64bits_reset(sum) == XXH_OK &&
	    nf_grow_open(&s->mem, s->max, "rows", err) == 0)
		rc = 1;
	while (rc == 1 && (rc = f->next(f->arg, &rows, err)) == 1)
		if (put(s, &rows, col, sum, err) == -1)
			rc = -1;
	if (rc == 0)
		s->digest = XXH3_64bits_digest(sum);
	XXH3_freeState(sum);
	if (rc == -1)
		nf_store_free(s);
	return rc;
}

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
