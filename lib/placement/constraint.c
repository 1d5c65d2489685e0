/* Placement constraints: what they compare. */
#include "lib/placement/constraint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/check.h"
#include "lib/base/pattern.h"

struct constraint_key {
        const char *name;
        const char *(*value)(const Sk__Node *node, const char *label); /* NULL: it has none */
        bool (*equals)(const char *have, const char *wanted);
        bool has_label; /* the name is a prefix, a label's name follows */
};

/* NULL when there is no such label. */
static const char *label_of(Sk__Label *const *labels, size_t n_labels, const char *key)
{
        for (size_t i = 0; i < n_labels; i++)
                if (!strcmp(labels[i]->key, key))
                        return labels[i]->value;
        return NULL;
}

static const char *value_id(const Sk__Node *node, const char *label)
{
        (void)label;
        return node->id;
}

static const char *value_hostname(const Sk__Node *node, const char *label)
{
        (void)label;
        return node->description ? node->description->hostname : "";
}

static const char *value_ip(const Sk__Node *node, const char *label)
{
        (void)label;
        return node->status ? node->status->address : "";
}

static const char *value_role(const Sk__Node *node, const char *label)
{
        (void)label;
        if (!node->identity)
                return "";
        return node->identity->role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker";
}

static const char *value_os(const Sk__Node *node, const char *label)
{
        (void)label;
        return node->description && node->description->platform ? node->description->platform->os
                                                                : "";
}

static const char *value_arch(const Sk__Node *node, const char *label)
{
        (void)label;
        return node->description && node->description->platform
                       ? node->description->platform->architecture
                       : "";
}

static const char *value_node_label(const Sk__Node *node, const char *label)
{
        const Sk__Annotations *annotations = node->spec ? node->spec->annotations : NULL;

        return annotations ? label_of(annotations->labels, annotations->n_labels, label) : NULL;
}

static const char *value_engine_label(const Sk__Node *node, const char *label)
{
        const Sk__NodeDescription *description = node->description;

        return description
                       ? label_of(description->engine_labels, description->n_engine_labels, label)
                       : NULL;
}

static bool equals_text(const char *have, const char *wanted)
{
        return !strcasecmp(have, wanted);
}

static bool equals_arch(const char *have, const char *wanted)
{
        return !strcasecmp(placement_arch(have), placement_arch(wanted));
}

/* Are the leading bits equal? */
static bool has_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
        unsigned rest = bits % 8;

        if (memcmp(a, b, bits / 8))
                return false;
        return !rest || !((a[bits / 8] ^ b[bits / 8]) >> (8 - rest));
}

struct subnet {
        int family;
        uint8_t address[16];
        unsigned bits;
};

/* An address or, with "/24", a subnet. */
static bool read_subnet(const char *text, struct subnet *ret)
{
        char address[64];
        const char *slash = strchr(text, '/');
        size_t length = slash ? (size_t)(slash - text) : strlen(text);
        uint64_t most = strchr(text, ':') ? 128 : 32, bits = most;

        if (length >= sizeof address)
                return false;
        memcpy(address, text, length);
        address[length] = '\0';
        if (slash && (str_to_uint64(slash + 1, &bits, NULL) < 0 || bits > most))
                return false;
        ret->family = most == 128 ? AF_INET6 : AF_INET;
        ret->bits = (unsigned)bits;
        return inet_pton(ret->family, address, ret->address) == 1;
}

static bool equals_ip(const char *have, const char *wanted)
{
        struct subnet subnet;
        uint8_t address[16];

        return read_subnet(wanted, &subnet) && inet_pton(subnet.family, have, address) == 1 &&
               has_prefix(address, subnet.address, subnet.bits);
}

static const struct constraint_key keys[] = {
        /* clang-format off */
        { "node.id",            value_id,           equals_text, false },
        { "node.hostname",      value_hostname,     equals_text, false },
        { "node.ip",            value_ip,           equals_ip,   false },
        { "node.role",          value_role,         equals_text, false },
        { "node.platform.os",   value_os,           equals_text, false },
        { "node.platform.arch", value_arch,         equals_arch, false },
        { "node.labels.",       value_node_label,   equals_text, true },
        { "engine.labels.",     value_engine_label, equals_text, true },
        /* clang-format on */
};

const char *placement_arch(const char *name)
{
        if (!strcasecmp(name, "x86_64"))
                return "amd64";
        if (!strcasecmp(name, "aarch64"))
                return "arm64";
        return name;
}

/* Which row; *ret_label is what follows a prefix, else NULL. */
static const struct constraint_key *key_find(const char *text, const char **ret_label)
{
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
                size_t length = strlen(keys[i].name);

                if (strncasecmp(text, keys[i].name, length))
                        continue;
                if (keys[i].has_label ? !text[length] : text[length] != '\0')
                        continue;
                *ret_label = keys[i].has_label ? text + length : NULL;
                return &keys[i];
        }
        *ret_label = NULL;
        return NULL;
}

/* --- relations --- */

static const char *value_of(const struct constraint *constraint, const Sk__Node *node)
{
        return str_or(constraint->key->value(node, constraint->label), "");
}

static bool meets_equal(const struct constraint *constraint, const Sk__Node *node)
{
        const char *have = value_of(constraint, node);

        for (size_t i = 0; i < constraint->n_values; i++)
                if (constraint->key->equals(have, constraint->values[i]))
                        return true;
        return false;
}

static bool meets_unequal(const struct constraint *constraint, const Sk__Node *node)
{
        return !meets_equal(constraint, node);
}

static bool meets_pattern(const struct constraint *constraint, const Sk__Node *node)
{
        return pattern_found(constraint->pattern, value_of(constraint, node));
}

static bool meets_exists(const struct constraint *constraint, const Sk__Node *node)
{
        const char *have = constraint->key->value(node, constraint->label);

        return constraint->label ? have != NULL : !str_is_empty(have);
}

static bool meets_exists_not(const struct constraint *constraint, const Sk__Node *node)
{
        return !meets_exists(constraint, node);
}

/* -1, 0 or 1, as the node's number is less or more; 2 when it has none. */
static int compare_number(const struct constraint *constraint, const Sk__Node *node)
{
        double have;

        if (str_to_double(value_of(constraint, node), &have, NULL) < 0)
                return 2;
        return have < constraint->number ? -1 : have > constraint->number;
}

static bool meets_at_least(const struct constraint *constraint, const Sk__Node *node)
{
        return compare_number(constraint, node) == 0 || compare_number(constraint, node) == 1;
}

static bool meets_at_most(const struct constraint *constraint, const Sk__Node *node)
{
        return compare_number(constraint, node) <= 0;
}

static bool meets_more(const struct constraint *constraint, const Sk__Node *node)
{
        return compare_number(constraint, node) == 1;
}

static bool meets_less(const struct constraint *constraint, const Sk__Node *node)
{
        return compare_number(constraint, node) == -1;
}

/* A value must be what its relation takes. */
typedef int operand_function(struct arena *arena, const char *value, struct constraint *ret,
                             struct err *err);

static bool is_value(const char *text)
{
        for (const char *c = text; *c; c++)
                if (!isalnum((unsigned char)*c) && !isspace((unsigned char)*c) &&
                    !strchr(":-_.*()?+[]\\^$|/", *c))
                        return false;
        return text[0] != '\0';
}

static int bad_value(const char *value, struct err *err)
{
        return err_set(err, ERR_INVALID, "value '%.64s' is invalid", value);
}

static int take_value(struct arena *arena, const char *value, struct constraint *ret,
                      struct err *err)
{
        if (!is_value(value))
                return bad_value(value, err);
        ret->values = arena_alloc(arena, sizeof *ret->values);
        ret->values[ret->n_values++] = value;
        return 0;
}

static char *trimmed(struct arena *arena, const char *text, size_t length)
{
        char *copy;

        while (length && isspace((unsigned char)*text))
                text++, length--;
        while (length && isspace((unsigned char)text[length - 1]))
                length--;
        copy = arena_alloc(arena, length + 1);
        memcpy(copy, text, length);
        return copy;
}

/* "(a, b)" */
static int take_list(struct arena *arena, const char *value, struct constraint *ret,
                     struct err *err)
{
        size_t length = strlen(value);
        char *copy, *item;

        if (length < 2 || value[0] != '(' || value[length - 1] != ')')
                return err_set(err, ERR_INVALID,
                               "value '%.64s' is invalid: a list is written (a, b)", value);
        copy = trimmed(arena, value + 1, length - 2);
        ret->values = arena_alloc(arena, length * sizeof *ret->values);
        while ((item = strsep(&copy, ","))) {
                const char *one = trimmed(arena, item, strlen(item));

                if (!is_value(one))
                        return bad_value(one, err);
                ret->values[ret->n_values++] = one;
        }
        return 0;
}

static int take_pattern(struct arena *arena, const char *value, struct constraint *ret,
                        struct err *err)
{
        struct err why;

        if (!*value)
                return bad_value(value, err);
        if (pattern_compile(arena, value, PATTERN_ANY_CASE, &ret->pattern, &why) < 0)
                return err_set(err, ERR_INVALID, "pattern '%.64s' is invalid: %s", value, why.text);
        return 0;
}

static int take_number(struct arena *arena, const char *value, struct constraint *ret,
                       struct err *err)
{
        (void)arena;
        if (str_to_double(value, &ret->number, NULL) < 0)
                return err_set(err, ERR_INVALID, "value '%.64s' is invalid: a number is compared",
                               value);
        return 0;
}

static int take_nothing(struct arena *arena, const char *value, struct constraint *ret,
                        struct err *err)
{
        (void)arena, (void)ret;
        return *value ? bad_value(value, err) : 0;
}

struct constraint_relation {
        const char *name;
        bool (*meets)(const struct constraint *constraint, const Sk__Node *node);
        operand_function *take;
        bool is_word;
};

/* What begins with another comes before it. */
static const struct constraint_relation relations[] = {
        /* clang-format off */
        { "==",         meets_equal,      take_value,   false },
        { "!=",         meets_unequal,    take_value,   false },
        { "=~",         meets_pattern,    take_pattern, false },
        { ">=",         meets_at_least,   take_number,  false },
        { "<=",         meets_at_most,    take_number,  false },
        { ">",          meets_more,       take_number,  false },
        { "<",          meets_less,       take_number,  false },
        { "not in",     meets_unequal,    take_list,    true },
        { "in",         meets_equal,      take_list,    true },
        { "not exists", meets_exists_not, take_nothing, true },
        { "exists",     meets_exists,     take_nothing, true },
        /* clang-format on */
};

/* --- expressions --- */

static bool is_key(const char *text)
{
        if (!isalpha((unsigned char)text[0]) && text[0] != '_')
                return false;
        for (const char *c = text + 1; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
                        return false;
        return text[1] != '\0';
}

/* One that is a word stands between blanks, a list or the ends. */
static bool is_at(const struct constraint_relation *relation, const char *text, const char *at)
{
        size_t length = strlen(relation->name);
        const char *after = at + length;

        if (strncasecmp(at, relation->name, length))
                return false;
        if (!relation->is_word)
                return true;
        return (at == text || isspace((unsigned char)at[-1]) || at[-1] == '~') &&
               (!*after || isspace((unsigned char)*after) || *after == '(');
}

/* The first relation in the text. */
static const struct constraint_relation *relation_find(const char *text, const char **ret_at)
{
        for (const char *at = text; *at; at++)
                for (size_t i = 0; i < COUNT_OF(relations); i++)
                        if (is_at(&relations[i], text, at)) {
                                *ret_at = at;
                                return &relations[i];
                        }
        return NULL;
}

int expression_parse(struct arena *arena, const char *text, struct expression *ret, struct err *err)
{
        const char *at = text, *key, *value;
        const struct constraint_relation *relation = relation_find(text, &at);
        size_t length;

        *ret = (struct expression){ 0 };
        if (!relation)
                return 0;
        value = at + strlen(relation->name);
        length = (size_t)(at - text);
        ret->is_soft = length && text[length - 1] == '~';
        length -= ret->is_soft;
        if (!relation->is_word && *value == '~' && !ret->is_soft) {
                ret->is_soft = true;
                value++;
        }
        key = trimmed(arena, text, length);
        value = trimmed(arena, value, strlen(value));
        if (!*key && relation->take == take_nothing) {
                key = value;
                value = "";
        }
        if (!is_key(key))
                return err_set(err, ERR_INVALID, "key '%.64s' is invalid", key);
        ret->relation = relation;
        ret->key = key;
        ret->value = value;
        return 0;
}

bool expression_is_equality(const struct expression *expression, bool *ret_is_equal)
{
        *ret_is_equal = expression->relation == &relations[0];
        return *ret_is_equal || expression->relation == &relations[1];
}

/* --- constraints --- */

int constraint_parse(struct arena *arena, const char *text, struct constraint *ret, struct err *err)
{
        struct constraint constraint = { 0 };
        struct expression expression;

        *ret = constraint;
        TRY(expression_parse(arena, text, &expression, err));
        if (!expression.relation)
                return err_set(err, ERR_INVALID,
                               "constraint expected one operator from ==, !=, =~, >=, <=, >, <, "
                               "in, not in, exists, not exists");
        constraint.is_soft = expression.is_soft;
        constraint.relation = expression.relation;
        TRY(expression.relation->take(arena, expression.value, &constraint, err));
        constraint.text = trimmed(arena, text, strlen(text));
        constraint.key = key_find(expression.key, &constraint.label);
        for (size_t i = 0; i < constraint.n_values && constraint.key; i++)
                if (constraint.key->equals == equals_ip &&
                    !read_subnet(constraint.values[i], &(struct subnet){ 0 }))
                        constraint.key = NULL;
        *ret = constraint;
        return 0;
}

bool constraint_matches(const struct constraint *constraint, const Sk__Node *node)
{
        return constraint->key && constraint->relation->meets(constraint, node);
}

void constraint_say(struct str *str, const struct constraint *constraint, const Sk__Node *node)
{
        if (!constraint->key) {
                str_add(str, "no node can meet it");
                return;
        }
        str_addf(str, "%.200s, the node has ", constraint->text);
        if (meets_exists(constraint, node))
                str_add_quoted(str, value_of(constraint, node), 64);
        else
                str_add(str, "none");
}

const char *constraint_label(const Sk__Node *node, const char *descriptor)
{
        const char *label = NULL;
        const struct constraint_key *key = key_find(descriptor, &label);

        return label ? str_or(key->value(node, label), "") : "";
}
