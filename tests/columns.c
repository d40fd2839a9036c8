/* COLUMNS, resolved against names. */
#include <string.h>

#include "nfio.h"
#include "tap.h"

static struct nf_list names;
static struct nf_err err;

/* What columns chooses, as positions; or the message. */
static const char *
chosen(const char *columns)
{
	static char s[1024];
	uint32_t *col, n, j;

	if (nf_columns_find(columns, &names, &col, &n, &err) == -1)
		return err.msg;
	for (s[0] = '\0', j = 0; j < n; j++)
		sprintf(s + strlen(s), "%s%u", j == 0 ? "" : " ", col[j]);
	nf_free(col);
	return s;
}

static void
is(const char *got, const char *want, const char *what)
{
	if (!ok(strcmp(got, want) == 0, "%s", what))
		printf("# got %s\n# want %s\n", got, want);
}

/* The order of columns, or the message. */
static const char *
permuted(const char *order, uint64_t seed, bool inverse)
{
	static char s[1024];
	uint32_t *col, n, j;

	if (nf_columns_permute(order, seed, inverse, &names, &col, &n,
	    &err) == -1)
		return err.msg;
	for (s[0] = '\0', j = 0; j < n; j++)
		sprintf(s + strlen(s), "%s%u", j == 0 ? "" : " ", col[j]);
	nf_free(col);
	return s;
}

static void
inverse_of_random(void)
{
	uint32_t *to, *back, n, j, seed, bad = 0, same = 0;

	for (seed = 0; seed < 100; seed++) {
		if (nf_columns_permute("random", seed, false, &names, &to, &n,
		    &err) == -1 || nf_columns_permute("random", seed, true,
		    &names, &back, &n, &err) == -1) {
			bad++;
			continue;
		}
		for (j = 0; j < n; j++) {
			bad += to[back[j]] != j;
			same += to[j] == j;
		}
		nf_free(to);
		nf_free(back);
	}
	ok(bad == 0, "the inverse of a random order undoes it");
	/* One column in its place on average: 100 of 100 orders, sigma 10. */
	ok(same > 60 && same < 140, "%u columns stayed in their places", same);
}

int
main(void)
{
	static const char *const name[] = {
		"Jet_pt", "Jet_mass", "GenJet_pt", "2", "1:3", "a b", "x*"
	};
	struct nf_list none = { 0, NULL };
	uint32_t *col, n;
	size_t i;

	for (i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (nf_list_add(&names, name[i], &err) == -1)
			return 1;
	is(chosen("Jet_mass"), "1", "a name");
	is(chosen("GenJet_pt,Jet_pt"), "2 0", "in the order wanted");
	is(chosen(" Jet_pt ,	Jet_mass "), "0 1", "blanks around names");
	is(chosen("a b"), "5", "a blank in a name");
	is(chosen("0"), "0", "a position");
	is(chosen("2"), "3", "a name goes before a position");
	is(chosen("1:3"), "4", "a name goes before a range");
	is(chosen("0:2"), "0 1", "a range without its end");
	is(chosen(":2"), "0 1", "a range from the start");
	is(chosen("5:"), "5 6", "a range to the end");
	is(chosen("Jet_*"), "0 1", "a glob");
	is(chosen("*_pt"), "0 2", "another");
	is(chosen("[JG]*t_p?"), "0 2", "a glob of all kinds");
	is(chosen("x*"), "6", "a name goes before a glob");
	is(chosen("Jet_mass,*"), "1 0 2 3 4 5 6",
	    "a glob does not bring a column again");
	is(chosen("0:7"), "0 1 2 3 4 5 6", "all of them");

	is(chosen("Jet_ptt"), "no column \"Jet_ptt\" (the nearest is "
	    "\"Jet_pt\")", "the nearest is named");
	is(chosen("genjet_PT"), "no column \"genjet_PT\" (the nearest is "
	    "\"GenJet_pt\")", "case counts, but not for the nearest");
	is(chosen("Jet_pt,Jet_pt"), "column \"Jet_pt\" is asked for twice",
	    "a name twice");
	is(chosen("0:2,1"), "column \"Jet_mass\" is asked for twice",
	    "a position twice");
	is(chosen("Jet_*,Jet_pt"), "column \"Jet_pt\" is asked for twice",
	    "a name after the glob that brought it");
	is(chosen("Muon_*"), "no column matches \"Muon_*\"", "a glob of none");
	is(chosen("7"), "no column 7: there are 7, the first is 0",
	    "a position too far");
	is(chosen("3:99999999999999999999"), "no column 3:9999999999999999999"
	    "9: there are 7, the first is 0", "a range too far");
	is(chosen("3:3"), "the range 3:3 is empty", "an empty range");
	is(chosen("5:4"), "the range 5:4 is empty", "a range backwards");
	is(chosen(""), "an empty name among columns", "nothing");
	is(chosen("Jet_pt,,Jet_mass"), "an empty name among columns",
	    "nothing between commas");
	is(chosen("-1"), "no column \"-1\" (the nearest is \"2\")",
	    "a negative position");
	ok(nf_columns_find("x", &none, &col, &n, &err) == -1 && col == NULL &&
	    strcmp(err.msg, "no column \"x\": there are none") == 0,
	    "no columns to choose from");
	ok(nf_columns_index(&names, "GenJet_pt", &err) == 2, "an index");
	ok(nf_columns_index(&names, "0", &err) == -1 && err.code == NF_EDATA,
	    "an index is by name only");

	is(permuted("reverse", 1, false), "6 5 4 3 2 1 0", "reverse");
	is(permuted("reverse", 1, true), "6 5 4 3 2 1 0", "undoes itself");
	is(permuted("0,Jet_mass", 1, false), "0 1", "a choice");
	is(permuted("3,0,4:7,1,5", 1, false), "column \"a b\" is asked for "
	    "twice", "an order that holds one twice");
	is(permuted("3:7,0,1", 1, true), "6 of 7 columns have no inverse",
	    "a choice has no inverse");
	is(permuted("Jet_mass,Jet_pt,2:7", 1, true), "names do not say where "
	    "columns stood: the inverse needs positions", "nor have names");
	is(permuted("4:7,0,1,3,2:3", 1, false), "4 5 6 0 1 3 2", "an order");
	is(permuted("4:7,0,1,3,2:3", 1, true), "3 4 6 5 0 1 2",
	    "its inverse");
	inverse_of_random();
	nf_list_free(&names);
	return done();
}
