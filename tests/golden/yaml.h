/* Reading a YAML file of a test; whatever is not as it should be ends the test with a sentence. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

/* A node of a document; 'node' is NULL for what is not there. */
struct yaml {
        yaml_document_t *document;
        yaml_node_t *node;
};

void yaml_read(const char *path, yaml_document_t *ret_document);
struct yaml yaml_root(yaml_document_t *document);

/* Ends the test when the mapping has another key than those in 'keys' (separated by spaces). */
void yaml_allow(struct yaml map, const char *keys);

/* What is not there when 'map' is no mapping. */
struct yaml yaml_get(struct yaml map, const char *key);
/* Pairs of a mapping, items of a sequence; 1 for a scalar, which is its own only item. */
size_t yaml_count(struct yaml node);
struct yaml yaml_at(struct yaml node, size_t i);
const char *yaml_key_at(struct yaml map, size_t i);
bool yaml_is_sequence(struct yaml node);

const char *yaml_text(struct yaml node, const char *fallback);
bool yaml_bool(struct yaml node, bool fallback);
uint64_t yaml_count_of(struct yaml node, uint64_t fallback);
int64_t yaml_duration(struct yaml node, int64_t fallback_ns);
int64_t yaml_bytes(struct yaml node, int64_t fallback);
/* The place of the word in 'words' (NULL-terminated). */
int yaml_word(struct yaml node, const char *const words[], int fallback);
