/* What the files of the spec editor share: setters, one per option. */
#pragma once
#include "cli/spec.h"

typedef int spec_setter(struct spec_edit *edit, const char *value);

enum spec_use { SPEC_BOTH, SPEC_CREATE, SPEC_UPDATE };

/* One option.  A list option is --NAME at create, --NAME-add and --NAME-rm at update. */
struct spec_option {
        const char *name;
        char letter;
        enum flag_type type;
        const char *value_name, *help, *refusal;
        spec_setter *set, *remove;
        enum spec_use use;
};

/* Tables, each ended by a zeroed row. */
extern const struct spec_option spec_container_options[];
extern const struct spec_option spec_task_options[];
extern const struct spec_option spec_service_options[];
extern const struct spec_option spec_update_options[];
extern const struct spec_option spec_health_options[];
extern const struct spec_option spec_job_options[];

/* Sub-messages, made when missing. */
#define SPEC_MAKE(edit, place, Type, INIT)                                     \
        __extension__({                                                        \
                if (!(place)) {                                                \
                        Type *new_ = arena_alloc((edit)->arena, sizeof *new_); \
                        *new_ = (Type)INIT;                                    \
                        (place) = new_;                                        \
                }                                                              \
                (place);                                                       \
        })

/* --mount (spec_mount.c) */
spec_setter add_mount, remove_mount;

/* What of the options about health cannot be said together (spec_health.c). */
int check_health_flags(const struct arguments *arguments, struct err *err);

/* --secret, --config (spec_file.c) */
spec_setter add_secret, remove_secret, add_config, remove_config;

Sk__ContainerSpec *spec_container(struct spec_edit *edit);
Sk__TaskSpec *spec_task(struct spec_edit *edit);

/* Lists of text and of labels in the arena. */
void list_add(struct spec_edit *edit, const char ***list, size_t *n, const char *text);
void list_remove(const char **list, size_t *n, const char *text);
/* Replaces the entry that starts with the same "KEY=" (or adds); removes the entries of KEY. */
void list_set_key(struct spec_edit *edit, const char ***list, size_t *n, const char *text);
void list_remove_key(const char **list, size_t *n, const char *key);
int label_set(struct spec_edit *edit, Sk__Label ***labels, size_t *n, const char *text);
void label_remove(Sk__Label **labels, size_t *n, const char *key);
void pointers_add(struct spec_edit *edit, void ***list, size_t *n, void *item);
/* The rest stays in its order. */
void pointers_remove(void **list, size_t *n, size_t i);

/* A command line taken apart as a shell would, without expansions. */
int split_words(struct spec_edit *edit, const char *text, const char ***ret_words, size_t *ret_n);

/* "key=value,key2,...": calls 'take' for each; value NULL when there was no '='. */
int each_pair(struct spec_edit *edit, const char *text,
              int (*take)(struct spec_edit *edit, void *context, const char *key,
                          const char *value),
              void *context);
