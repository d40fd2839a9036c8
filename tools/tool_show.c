/* What a model file holds, as text. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "tool_draw.h"
#include "tool_show.h"

#define LABEL	"%-13s"		/* what a line is about */
#define MAXNAME	32		/* a longer name pushes its ops to the right */

/* 47986595 as 47,986,595. */
static void
print_count(double v)
{
	char s[32];
	int i, n = snprintf(s, sizeof(s), "%.0f", v);

	for (i = 0; i < n; i++)
		printf("%s%c", i > 0 && (n - i) % 3 == 0 ? "," : "", s[i]);
	putchar('\n');
}

static void
print_shape(const struct nf_shape *s)
{
	printf(LABEL "%u steps of %u blocks, hidden %u, %u bins\n", "flow",
	    s->steps, s->blocks, s->hidden, s->bins);
	printf(LABEL "tail bound %g, %s, %s, dropout %g\n", "",
	    s->tail_bound, nf_act_name(s->activation),
	    s->batch_norm ? "batch norm" : "no batch norm", s->dropout);
	printf(LABEL "least width %g, height %g, derivative %g\n", "",
	    s->min_bin_width, s->min_bin_height, s->min_derivative);
	printf(LABEL, "parameters");
	print_count(nf_shape_count(s));
}

static void
print_columns(const struct nf_model *m, const char *label,
    const struct nf_list *l)
{
	const char *ops;
	int width = 0, n;
	uint32_t j;

	printf(LABEL "%u\n", label, l->n);
	for (j = 0; j < l->n; j++) {
		n = (int)strlen(l->s[j]);
		if (n > width && n <= MAXNAME)
			width = n;
	}
	for (j = 0; j < l->n; j++) {
		ops = nf_model_ops(m, l->s[j]);
		if (ops == NULL)
			printf("  %s\n", l->s[j]);
		else
			printf("  %-*s  %s\n", width, l->s[j], ops);
	}
}

static void
print_training(const struct nf_model *m)
{
	const struct nf_history *h = &m->history;
	const double *last = h->nrow == 0 ? NULL : h->row[h->nrow - 1];
	const double *best = nf_history_best(h);

	if (last == NULL)
		printf(LABEL "no history\n", "training");
	else {
		printf(LABEL "%u epochs", "training", h->nrow);
		if (isfinite(last[NF_HISTORY_STEP]))
			printf(", %.0f steps", last[NF_HISTORY_STEP]);
		printf("; train nll %.6g, validation nll %.6g\n",
		    last[NF_HISTORY_TRAIN_NLL], last[NF_HISTORY_VALID_NLL]);
	}
	if (best != NULL)
		printf(LABEL "best validation nll %.6g in epoch %.0f\n", "",
		    best[NF_HISTORY_VALID_NLL], best[NF_HISTORY_EPOCH]);
	if (m->has_train)
		printf(LABEL "epoch %u, batch %llu, step %llu, seed %llu\n",
		    "checkpoint", m->state.epoch,
		    (unsigned long long)m->state.batch,
		    (unsigned long long)m->state.step,
		    (unsigned long long)m->train_seed);
}

int
tool_show_summary(const struct nf_model *m)
{
	print_shape(&m->flow->shape);
	print_columns(m, "conditions", &m->context);
	print_columns(m, "targets", &m->target);
	print_training(m);
	printf(LABEL "%s\n", "written by",
	    m->created_by != NULL ? m->created_by : "unknown");
	return 0;
}

int
tool_show_history(const struct nf_model *m, struct nf_err *err)
{
	struct nf_schema s = {
		.type = NF_F64, .nrow = m->history.nrow,
		.column = { NF_HISTORY_NCOL, (char **)nf_history_column }
	};
	struct nf_sink *sink;
	int rc = -1;

	if (nf_sink_open(&sink, NF_FORM_TSV, STDOUT_FILENO, "stdout", &s, 0,
	    err) == -1)
		return -1;
	if (nf_sink_put(sink, m->history.row, m->history.nrow, err) == 0 &&
	    nf_sink_end(sink, err) == 0)
		rc = 0;
	nf_sink_close(sink);
	return rc;
}

int
tool_show_config(const struct nf_model *m, const char *path, struct nf_err *err)
{
	if (m->config == NULL)
		return nf_fail(err, NF_EDATA, "%s: holds no configuration",
		    path);
	fputs(m->config, stdout);
	return 0;
}

int
tool_show_tensors(const struct nf_model *m)
{
	const struct nf_tensor *t;
	struct nf_summary s;
	char shape[32];
	uint32_t i;

	printf("tensor\tshape\tmin\tmax\tmean\tstd\n");
	for (i = 0; i < m->flow->ntensor; i++) {
		t = &m->flow->tensor[i];
		nf_flow_summary(m->flow, t, &s);
		snprintf(shape, sizeof(shape), t->ndim == 2 ? "%ux%u" : "%u",
		    t->shape[0], t->shape[1]);
		printf("%s\t%s\t%.7g\t%.7g\t%.7g\t%.7g\n", t->name, shape,
		    s.min, s.max, s.mean, s.std);
	}
	return 0;
}

int
tool_show_devices(void)
{
	struct nf_dev_info info[65];
	uint32_t n = nf_dev_list(info, 65), i;

	printf("device\tusable\tGB\tabout\n");
	for (i = 0; i < n; i++) {
		printf("%s\t%s\t", info[i].name,
		    info[i].usable ? "yes" : "no");
		if (info[i].usable)
			printf("%.1f", 1e-9 * (double)(info[i].memory > 0 ?
			    info[i].memory : tool_memory()));
		printf("\t%s\n", info[i].about);
	}
	return 0;
}

/* ---- the plot --------------------------------------------------------- */

struct drawing {
	const char *name;
	const struct nf_losses *l;
};

static int
script(struct nf_page *page, enum nf_image image, const char *file,
    const void *arg, struct nf_err *err)
{
	const struct drawing *d = arg;

	return nf_plot_losses_gnuplot(page, d->name, d->l, image, file, err);
}

int
tool_show_plot(const struct nf_model *m, const char *path,
    struct nf_plot *plot, const char *image, struct nf_err *err)
{
	const struct nf_history *h = &m->history;
	struct nf_losses l = { .n = h->nrow, .stride = NF_HISTORY_NCOL };
	const struct drawing d = { path, &l };
	struct nf_page page = { 0 };
	int rc;

	if (h->nrow == 0)
		return nf_fail(err, NF_EDATA, "%s: holds no history of a "
		    "training", path);
	l.lr = &h->row[0][NF_HISTORY_LR];
	l.train = &h->row[0][NF_HISTORY_TRAIN_NLL];
	l.valid = &h->row[0][NF_HISTORY_VALID_NLL];
	l.mean = &h->row[0][NF_HISTORY_VALID_AVG5];
	if (image != NULL)
		return tool_image(image, script, &d, err);
	plot->colour = tool_colour(STDOUT_FILENO);
	if (plot->width == 0)
		plot->width = tool_width(STDOUT_FILENO);
	rc = nf_plot_losses(&page, plot, path, &l, err);
	if (rc == 0)
		rc = nf_write_full(STDOUT_FILENO, page.s, page.n, "stdout",
		    err);
	nf_page_free(&page);
	return rc;
}
