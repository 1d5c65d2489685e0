/* Placement constraints: parsing and matching. */
#include "lib/placement/constraint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/check.h"

struct constraint_key {
        const char *name;
        const char *(*value)(const Sk__Node *node, const char *label);
        bool (*equals)(const char *have, const char *wanted);
        bool has_label; /* the name is a prefix, a label's name follows */
};

static const char *label_of(Sk__Label *const *labels, size_t n_labels, const char *key)
{
        for (size_t i = 0; i < n_labels; i++)
                if (!strcmp(labels[i]->key, key))
                        return labels[i]->value;
        return "";
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

        return annotations ? label_of(annotations->labels, annotations->n_labels, label) : "";
}

static const char *value_engine_label(const Sk__Node *node, const char *label)
{
        const Sk__NodeDescription *description = node->description;

        return description
                       ? label_of(description->engine_labels, description->n_engine_labels, label)
                       : "";
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

/* Which row, or NULL; *ret_label is set to what follows a prefix. */
static const struct constraint_key *key_find(const char *text, const char **ret_label)
{
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
                size_t length = strlen(keys[i].name);

                if (strncasecmp(text, keys[i].name, length))
                        continue;
                if (keys[i].has_label ? !text[length] : text[length] != '\0')
                        continue;
                if (keys[i].has_label)
                        *ret_label = text + length;
                return &keys[i];
        }
        return NULL;
}

static bool is_key(const char *text)
{
        if (!isalpha((unsigned char)text[0]) && text[0] != '_')
                return false;
        for (const char *c = text + 1; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
                        return false;
        return text[1] != '\0';
}

static bool is_value(const char *text)
{
        for (const char *c = text; *c; c++)
                if (!isalnum((unsigned char)*c) && !isspace((unsigned char)*c) &&
                    !strchr(":-_.*()?+[]\\^$|/", *c))
                        return false;
        return text[0] != '\0';
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

int constraint_parse(struct arena *arena, const char *text, struct constraint *ret, struct err *err)
{
        const char *equal = strstr(text, "=="), *operator= equal ? equal : strstr(text, "!=");
        const char *key, *value, *label = NULL;

        if (!operator)
                return err_set(err, ERR_INVALID, "constraint expected one operator from ==, !=");
        key = trimmed(arena, text, (size_t)(operator- text));
        value = trimmed(arena, operator+ 2, strlen(operator+ 2));
        if (!is_key(key))
                return err_set(err, ERR_INVALID, "key '%.64s' is invalid", key);
        if (!is_value(value))
                return err_set(err, ERR_INVALID, "value '%.64s' is invalid", value);
        ret->key = key_find(key, &label);
        if (ret->key && ret->key->equals == equals_ip && !read_subnet(value, &(struct subnet){ 0 }))
                ret->key = NULL;
        ret->label = label;
        ret->value = value;
        ret->is_equal = equal != NULL;
        return 0;
}

bool constraint_matches(const struct constraint *constraint, const Sk__Node *node)
{
        const struct constraint_key *key = constraint->key;

        return key && key->equals(key->value(node, constraint->label), constraint->value) ==
                              constraint->is_equal;
}

void constraint_say(struct str *str, const struct constraint *constraint, const Sk__Node *node)
{
        const struct constraint_key *key = constraint->key;

        if (!key) {
                str_add(str, "no node can meet it");
                return;
        }
        str_addf(str, "%s%s%s%s, the node has ", key->name,
                 constraint->label ? constraint->label : "",
                 constraint->is_equal ? "==" : "!=", constraint->value);
        str_add_quoted(str, key->value(node, constraint->label), 64);
}

const char *constraint_label(const Sk__Node *node, const char *descriptor)
{
        const char *label = NULL;
        const struct constraint_key *key = key_find(descriptor, &label);

        return label ? key->value(node, label) : "";
}
