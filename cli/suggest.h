/* What somebody meant who mistyped a word. */
#pragma once
#include <stddef.h>

struct suggestion {
        const char *typed;
        size_t length;    /* of what was typed */
        const char *word; /* the most alike of all that were considered; NULL: none is */
        size_t n_slips;
};

/* A slip is a letter too many, one missing, a wrong one, or two exchanged.  A short word may have
 * one, a longer one two. */
void suggest_consider(struct suggestion *suggestion, const char *word);
