/* A stream to the inside of a task: what comes from one descriptor goes in, what comes out goes to
 * others. */
#pragma once
#include "cli/command.h"

struct inside_options {
        const Sk__EnterStart *start;
        int in;          /* read until its end; -1: nothing goes in */
        int out, errors; /* where to write */
        bool is_tty;     /* 'in' is a terminal that goes along: raw, and its size is told */
        /* A copy: told of every piece that went in or came out; what comes as errors is words, not
         * a program's output.  NULL: a program. */
        void (*passed)(void *context, size_t n);
        void *context;
};

/* Runs it to its end; *ret_code is the program's.  Returns 0 or an ERR_*, text in cli->err; why a
 * program could not be run is told on stderr.  When nobody reads 'out' any more it ends early, and
 * well. */
int inside_run(struct cli *cli, const struct inside_options *options, int *ret_code);
