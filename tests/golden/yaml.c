/* Reading a YAML file of a test. */
#include "tests/golden/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

static _Noreturn void bad(struct yaml node, const char *text, const char *what)
{
        fprintf(stderr, "line %zu: '%s' %s\n", node.node ? node.node->start_mark.line + 1 : 0, text,
                what);
        exit(2);
}

void yaml_read(const char *path, yaml_document_t *ret_document)
{
        FILE *file = fopen(path, "r");
        yaml_parser_t parser;

        if (!file || !yaml_parser_initialize(&parser)) {
                fprintf(stderr, "cannot open %s\n", path);
                exit(2);
        }
        yaml_parser_set_input_file(&parser, file);
        if (!yaml_parser_load(&parser, ret_document) ||
            !yaml_document_get_root_node(ret_document)) {
                fprintf(stderr, "%s:%zu: %s\n", path, parser.problem_mark.line + 1,
                        parser.problem ? parser.problem : "is empty");
                exit(2);
        }
        yaml_parser_delete(&parser);
        fclose(file);
}

struct yaml yaml_root(yaml_document_t *document)
{
        return (struct yaml){ document, yaml_document_get_root_node(document) };
}

static struct yaml node_at(struct yaml from, int index)
{
        return (struct yaml){ from.document, yaml_document_get_node(from.document, index) };
}

void yaml_allow(struct yaml map, const char *keys)
{
        for (size_t i = 0; i < yaml_count(map); i++) {
                const char *key = yaml_key_at(map, i), *found = keys;
                size_t length = strlen(key);

                while ((found = strstr(found, key)) &&
                       ((found > keys && found[-1] != ' ') ||
                        (found[length] != ' ' && found[length] != '\0')))
                        found++;
                if (!found)
                        bad(map, key, "is no key here");
        }
}

struct yaml yaml_get(struct yaml map, const char *key)
{
        bool is_map = map.node && map.node->type == YAML_MAPPING_NODE;

        for (size_t i = 0; is_map && i < yaml_count(map); i++)
                if (!strcmp(yaml_key_at(map, i), key))
                        return yaml_at(map, i);
        return (struct yaml){ map.document, NULL };
}

bool yaml_is_sequence(struct yaml node)
{
        return node.node && node.node->type == YAML_SEQUENCE_NODE;
}

size_t yaml_count(struct yaml node)
{
        if (!node.node)
                return 0;
        switch (node.node->type) {
        case YAML_MAPPING_NODE:
                return (size_t)(node.node->data.mapping.pairs.top -
                                node.node->data.mapping.pairs.start);
        case YAML_SEQUENCE_NODE:
                return (size_t)(node.node->data.sequence.items.top -
                                node.node->data.sequence.items.start);
        default:
                return 1;
        }
}

struct yaml yaml_at(struct yaml node, size_t i)
{
        if (node.node->type == YAML_MAPPING_NODE)
                return node_at(node, node.node->data.mapping.pairs.start[i].value);
        if (node.node->type == YAML_SEQUENCE_NODE)
                return node_at(node, node.node->data.sequence.items.start[i]);
        return node;
}

const char *yaml_key_at(struct yaml map, size_t i)
{
        if (map.node->type != YAML_MAPPING_NODE)
                bad(map, "", "is not a mapping");
        return yaml_text(node_at(map, map.node->data.mapping.pairs.start[i].key), "");
}

const char *yaml_text(struct yaml node, const char *fallback)
{
        if (!node.node)
                return fallback;
        if (node.node->type != YAML_SCALAR_NODE)
                bad(node, "", "is not a word");
        return (const char *)node.node->data.scalar.value;
}

bool yaml_bool(struct yaml node, bool fallback)
{
        const char *text = yaml_text(node, NULL);

        return text ? !strcmp(text, "yes") || !strcmp(text, "true") : fallback;
}

uint64_t yaml_count_of(struct yaml node, uint64_t fallback)
{
        uint64_t n = fallback;

        if (node.node && str_to_uint64(yaml_text(node, ""), &n, NULL) < 0)
                bad(node, yaml_text(node, ""), "is no number");
        return n;
}

int64_t yaml_duration(struct yaml node, int64_t fallback_ns)
{
        int64_t ns = fallback_ns;

        if (node.node && str_to_duration(yaml_text(node, ""), &ns, NULL) < 0)
                bad(node, yaml_text(node, ""), "is no duration");
        return ns;
}

int64_t yaml_bytes(struct yaml node, int64_t fallback)
{
        int64_t bytes = fallback;

        if (node.node && str_to_bytes(yaml_text(node, ""), &bytes, NULL) < 0)
                bad(node, yaml_text(node, ""), "is no size");
        return bytes;
}

int yaml_word(struct yaml node, const char *const words[], int fallback)
{
        if (!node.node)
                return fallback;
        for (int i = 0; words[i]; i++)
                if (!strcmp(words[i], yaml_text(node, "")))
                        return i;
        bad(node, yaml_text(node, ""), "is not one of the words for this");
}
