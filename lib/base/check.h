/* Checks for our own bugs.  Always on; content from outside never trips one. */
#pragma once

/* Aborts with file, line and condition when 'condition' is false. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

_Noreturn void check_failed(const char *file, int line, const char *condition);

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* The struct that holds 'member' at 'pointer'. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
