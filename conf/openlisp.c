/* Reading the configuration of OpenLISP: words and lines. */
#include "conf/openlisp.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/fmt.h"
#include "conf/conf.h"
#include "conf/file.h"
#include "conf/openlisp_priv.h"
#include "conf/value.h"

/* Of an entry with all its map-servers. */
#define WORDS_MAX (5 + OPENLISP_SERVERS_MAX + 2)
/* Of an entry and of a locator. */
#define ENTRY_WORDS_MIN 6
#define RLOC_WORDS      4
#define TTL_MAX         525600
#define ADDR_TEXT_SIZE  64

struct word {
	const char *text;
	size_t size;
};

struct parser {
	struct openlisp *o;
	struct openlisp_errors errors;
	unsigned line;
	struct word words[WORDS_MAX];
	size_t word_count; /* may be more than there is room for */
	uint8_t family;    /* of the section; ADDR_NONE before the first */
	unsigned entry;    /* line of the last entry */
	size_t rlocs_due;  /* lines that it still waits for */
	bool is_lost;      /* how many it has is unknown */
	bool is_good;      /* the last entry was added */
};

static const char *
family_word(uint8_t family)
{
	return family == ADDR_V4 ? "IPv4" : "IPv6";
}

/* --- words ------------------------------------------------------------------------------------ */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* False, with an error, when there are bytes that no word has. */
static bool
split(struct parser *p, const char *text, size_t size)
{
	size_t i = 0;

	p->word_count = 0;
	while (i < size) {
		size_t start = i;

		while (i < size && !is_blank(text[i])) {
			if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
				openlisp_refuse(&p->errors, p->line,
						"text without control characters");
				return false;
			}
			i++;
		}
		if (i > start) {
			if (p->word_count < WORDS_MAX)
				p->words[p->word_count] = (struct word){text + start, i - start};
			p->word_count++;
		}
		while (i < size && is_blank(text[i]))
			i++;
	}
	return true;
}

static bool
word_is(const struct word *word, const char *text)
{
	return word->size == strlen(text) && strncasecmp(word->text, text, word->size) == 0;
}

/* Word 'number' counts from 1, as in messages. */
static bool
get_number(struct parser *p, size_t number, const char *what, uint32_t min, uint32_t max,
	   uint32_t *out)
{
	const struct word *word = &p->words[number - 1];
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < word->size && word->text[i] >= '0' && word->text[i] <= '9'; i++)
		if (value <= max)
			value = value * 10 + (uint64_t)(word->text[i] - '0');
	if (i < word->size || value < min || value > max) {
		openlisp_refuse(&p->errors, p->line,
				"as word %zu, %s, a whole number from %u to %u", number, what, min,
				max);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

/* 'family' ADDR_NONE: of either. */
static bool
get_addr(struct parser *p, size_t number, const char *what, uint8_t family, struct addr *out)
{
	const struct word *word = &p->words[number - 1];
	char text[ADDR_TEXT_SIZE];

	if (word->size < sizeof(text)) {
		memcpy(text, word->text, word->size);
		text[word->size] = '\0';
		if (addr_from_text(text, out) == 0 &&
		    (family == ADDR_NONE || out->family == family))
			return true;
	}
	openlisp_refuse(&p->errors, p->line, "as word %zu, %s, an %s address", number, what,
			family == ADDR_NONE ? "IPv4 or IPv6" : family_word(family));
	return false;
}

static bool
get_unicast(struct parser *p, size_t number, const char *what, struct addr *out)
{
	if (!get_addr(p, number, what, ADDR_NONE, out))
		return false;
	if (!value_is_unicast(*out)) {
		openlisp_refuse(&p->errors, p->line, "as word %zu, %s, the address of a router",
				number, what);
		return false;
	}
	return true;
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct openlisp_entry *
last_entry(struct parser *p)
{
	return &p->o->entries[p->o->count - 1];
}

static void
add_entry(struct parser *p, const struct openlisp_entry *entry)
{
	struct openlisp *o = p->o;

	if (o->count == o->room) {
		size_t room = o->room * 2 + 4;
		struct openlisp_entry *grown = realloc(o->entries, room * sizeof(*grown));

		if (grown == NULL) {
			p->errors.rc = -ENOMEM;
			return;
		}
		o->entries = grown;
		o->room = room;
	}
	o->entries[o->count++] = *entry;
	p->is_good = true;
}

static bool
get_prefix(struct parser *p, struct openlisp_entry *e)
{
	uint32_t len = 0;
	bool good = get_addr(p, 3, "the EID prefix", p->family, &e->eid);

	if (good && addr_is_multicast(e->eid)) {
		openlisp_refuse(&p->errors, p->line,
				"as word 3, the EID prefix, no multicast address");
		good = false;
	}
	if (!get_number(p, 4, "the prefix length", 0, (uint32_t)addr_size(p->family) * 8, &len))
		return false;
	if (!good)
		return false;
	e->prefix = prefix_make(e->eid, (uint8_t)len);
	if (!value_is_reserved(e->prefix))
		return true;
	openlisp_refuse(&p->errors, p->line,
			"as words 3 and 4, an EID prefix of machines, found %s",
			fmt_prefix(e->prefix).s);
	return false;
}

/* Map-servers, TTL and what stands behind. */
static bool
get_servers(struct parser *p, struct openlisp_entry *e)
{
	uint32_t count;
	bool good = true;
	size_t i, j, rest;

	if (!get_number(p, 5, "the number of map-servers", 1, OPENLISP_SERVERS_MAX, &count))
		return false;
	rest = p->word_count - 5;
	if (rest != count + 1 && rest != count + 2) {
		openlisp_refuse(&p->errors, p->line,
				"%u or %u words with %u map-servers, found %zu", count + 6,
				count + 7, count, p->word_count);
		return false;
	}
	for (i = 0; i < count; i++) {
		bool fits = get_unicast(p, 6 + i, "a map-server", &e->servers[i]);

		for (j = 0; fits && good && j < i; j++) {
			if (addr_equal(e->servers[i], e->servers[j])) {
				openlisp_refuse(&p->errors, p->line,
						"each map-server once, found word %zu again",
						6 + j);
				fits = false;
			}
		}
		good = good && fits;
	}
	e->server_count = count;
	good = get_number(p, 6 + count, "the TTL in minutes", 1, TTL_MAX, &e->ttl_min) && good;
	/* Nobody says what another value would mean. */
	if (rest == count + 2 && !word_is(&p->words[6 + count], "0")) {
		openlisp_refuse(&p->errors, p->line, "as word %u, behind the TTL, 0 or nothing",
				7 + count);
		good = false;
	}
	return good;
}

static void
take_entry(struct parser *p)
{
	struct openlisp_entry e = {.line = p->line};
	uint32_t rlocs;
	bool good = true;

	p->entry = p->line;
	p->rlocs_due = 0;
	p->is_good = false;
	p->is_lost = true;
	if (p->word_count < ENTRY_WORDS_MIN || p->word_count > WORDS_MAX) {
		openlisp_refuse(
			&p->errors, p->line,
			"an entry (RLOC count, key, EID prefix, prefix length, map-server count, "
			"map-servers, TTL), found %zu word%s",
			p->word_count, p->word_count == 1 ? "" : "s");
		return;
	}
	if (get_number(p, 1, "the number of RLOCs", 1, OPENLISP_RLOCS_MAX, &rlocs)) {
		p->rlocs_due = rlocs;
		p->is_lost = false;
	}
	e.key = p->words[1].text;
	e.key_size = p->words[1].size;
	if (e.key_size > CONF_SECRET_SIZE_MAX) {
		openlisp_refuse(&p->errors, p->line, "as word 2, the key, at most %d bytes",
				CONF_SECRET_SIZE_MAX);
		good = false;
	}
	good = get_prefix(p, &e) && good;
	good = get_servers(p, &e) && good;
	if (good && !p->is_lost)
		add_entry(p, &e);
}

static void
take_rloc(struct parser *p)
{
	struct openlisp_rloc rloc = {.line = p->line};
	struct openlisp_entry *e;
	uint32_t priority = 0, weight = 0, marked = 0;
	bool good;
	size_t i;

	good = get_unicast(p, 1, "the RLOC", &rloc.addr);
	good = get_number(p, 2, "the priority", 0, 255, &priority) && good;
	good = get_number(p, 3, "the weight", 0, 255, &weight) && good;
	good = get_number(p, 4, "Local/Self", 0, 1, &marked) && good;
	if (!good || !p->is_good)
		return;
	e = last_entry(p);
	for (i = 0; i < e->rloc_count; i++) {
		if (addr_equal(e->rlocs[i].addr, rloc.addr)) {
			openlisp_refuse(&p->errors, p->line,
					"each RLOC once, found that of line %u again",
					e->rlocs[i].line);
			return;
		}
	}
	rloc.priority = (uint8_t)priority;
	rloc.weight = (uint8_t)weight;
	rloc.is_marked = marked == 1;
	e->rlocs[e->rloc_count++] = rloc;
}

/* An entry that another one, a section or the end of the file follows is complete. */
static void
end_entry(struct parser *p, const char *found)
{
	if (p->rlocs_due > 0)
		openlisp_refuse(&p->errors, p->line, "%zu more RLOCs of line %u, found %s",
				p->rlocs_due, p->entry, found);
	p->rlocs_due = 0;
	p->is_lost = false;
	p->is_good = false;
}

static bool
take_section(struct parser *p)
{
	bool is_v4 = word_is(&p->words[0], "IPV4");

	if (p->word_count != 1 || (!is_v4 && !word_is(&p->words[0], "IPV6")))
		return false;
	end_entry(p, "a section");
	p->family = is_v4 ? ADDR_V4 : ADDR_V6;
	p->entry = 0;
	return true;
}

static void
take_line(struct parser *p)
{
	if (p->word_count == 0 || take_section(p))
		return;
	if (p->family == ADDR_NONE) {
		openlisp_refuse(&p->errors, p->line, "IPV4 or IPV6 in front of the first entry");
		/* Once is enough; the rest is looked at as if it were there. */
		p->family = ADDR_V4;
		if (p->word_count == 1)
			return;
	}
	if (p->word_count == RLOC_WORDS && (p->rlocs_due > 0 || p->is_lost)) {
		take_rloc(p);
		p->rlocs_due -= p->rlocs_due > 0;
	} else if (p->word_count == RLOC_WORDS && p->entry > 0) {
		openlisp_refuse(&p->errors, p->line,
				"an entry, IPV4 or IPV6: line %u has no more RLOCs", p->entry);
	} else if (p->word_count < ENTRY_WORDS_MIN && p->rlocs_due > 0) {
		openlisp_refuse(&p->errors, p->line,
				"RLOC, priority, weight and Local/Self, found %zu word%s",
				p->word_count, p->word_count == 1 ? "" : "s");
		p->rlocs_due--;
	} else {
		end_entry(p, "an entry");
		take_entry(p);
	}
}

int
openlisp_parse(const char *text, size_t size, const char *file, struct openlisp *o, FILE *err)
{
	struct parser p = {.o = o, .errors = {.file = file, .out = err}, .family = ADDR_NONE};
	size_t start, end;

	*o = (struct openlisp){.entries = NULL};
	for (start = 0; start < size && p.errors.rc != -ENOMEM; start = end + 1) {
		const char *newline = memchr(text + start, '\n', size - start);

		end = newline == NULL ? size : (size_t)(newline - text);
		p.line++;
		if (split(&p, text + start, end - start)) {
			take_line(&p);
		} else {
			/* It may have been a line of any kind. */
			p.rlocs_due = 0;
			p.is_lost = true;
			p.is_good = false;
		}
	}
	end_entry(&p, "the end of the file");
	if (p.errors.rc == 0 && o->count == 0)
		openlisp_refuse(&p.errors, p.line + (p.line == 0),
				"an entry, found the end of the file");
	if (p.errors.rc == 0)
		openlisp_check(o, &p.errors);
	if (p.errors.rc != 0)
		openlisp_fini(o);
	return p.errors.rc;
}

void
openlisp_fini(struct openlisp *o)
{
	free(o->entries);
	*o = (struct openlisp){.entries = NULL};
}

int
openlisp_import(const char *file, FILE *out, FILE *err)
{
	struct openlisp o;
	char *text;
	size_t size;
	int rc = file_read(file, &text, &size);

	if (rc != 0) {
		fprintf(err, "%s: expected a file that can be read, found %s\n", file,
			strerror(-rc));
		return rc;
	}
	rc = openlisp_parse(text, size, file, &o, err);
	if (rc == 0) {
		openlisp_print(&o, out);
		openlisp_fini(&o);
	}
	explicit_bzero(text, size);
	free(text);
	return rc;
}
