/* Completion for shells, made from the rows of the commands. */
#pragma once
#include <stdio.h>

#include "lib/base/err.h"

/* 'shell': bash, zsh, fish; ERR_INVALID for another. */
int completion_print(FILE *out, const char *shell, struct err *err);
