/* A few threads that take work from a queue, while their owner goes on. */
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "pool.h"

struct nf_pool {
	pthread_mutex_t lock;
	pthread_cond_t work, done;	/* something was queued; finished */
	struct nf_task *head, **tail;
	bool stop;
	unsigned nthread;		/* beside the owner's */
	unsigned started;
	pthread_t thread[NF_POOL_MAX - 1];
};

/* Run the task at the head; the lock is held on entry and on return. */
static void
run_head(struct nf_pool *p, unsigned thread)
{
	struct nf_task *t = p->head;
	unsigned *pending = t->pending;

	p->head = t->next;
	if (p->head == NULL)
		p->tail = &p->head;
	pthread_mutex_unlock(&p->lock);
	t->run(t, thread);
	pthread_mutex_lock(&p->lock);
	--*pending;
	pthread_cond_signal(&p->done);	/* the owner alone waits */
}

static void *
serve(void *arg)
{
	struct nf_pool *p = arg;
	unsigned self;

	pthread_mutex_lock(&p->lock);
	self = ++p->started;
	while (!p->stop)
		if (p->head != NULL)
			run_head(p, self);
		else
			pthread_cond_wait(&p->work, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* A pool of at most nthread threads beside the owner. */
static int
start(struct nf_pool **out, unsigned nthread, struct nf_err *err)
{
	struct nf_pool *p = nf_alloc(1, sizeof(*p), "threads", err);
	sigset_t all, was;

	*out = p;
	if (p == NULL)
		return -1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	p->tail = &p->head;
	/* Signals are for the owner, whose sleep they may have to end. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	/* Where the system gives fewer threads, the owner does their work. */
	while (p->nthread < nthread && pthread_create(&p->thread[p->nthread],
	    NULL, serve, p) == 0)
		p->nthread++;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return 0;
}

int
nf_pool_open(struct nf_pool **p, struct nf_err *err)
{
	unsigned want = (unsigned)omp_get_max_threads();

	return start(p, (want < NF_POOL_MAX ? want : NF_POOL_MAX) - 1, err);
}

int
nf_pool_waiting(struct nf_pool **p, unsigned n, struct nf_err *err)
{
	return start(p, n < NF_POOL_MAX ? n : NF_POOL_MAX - 1, err);
}

unsigned
nf_pool_size(const struct nf_pool *p)
{
	return p->nthread + 1;
}

void
nf_pool_add(struct nf_pool *p, struct nf_task *t, unsigned *pending)
{
	t->next = NULL;
	t->pending = pending;
	pthread_mutex_lock(&p->lock);
	++*pending;
	*p->tail = t;
	p->tail = &t->next;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void
nf_pool_wait(struct nf_pool *p, unsigned *pending, unsigned most)
{
	pthread_mutex_lock(&p->lock);
	while (*pending > most)
		if (p->head != NULL)
			run_head(p, 0);
		else
			pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void
nf_pool_close(struct nf_pool *p)
{
	unsigned i;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->nthread; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	nf_free(p);
}
