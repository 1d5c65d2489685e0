/* Memory and ownership.
 *
 * Three lifetimes: *process* (made in main), *turn* (an arena: one request or one decision; nobody
 * frees its parts), *object* (counted, immutable).  Whoever gets a pointer back owns it; a
 * pointer to const is borrowed.  Running out of memory aborts: daemons are crash-only, and what
 * comes from outside is bounded before it is kept. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Zeroed memory, never NULL. */
void *mem_alloc(size_t size);

/* Zeroed array; aborts when n * size overflows. */
void *mem_alloc_array(size_t n, size_t size);

/* As realloc, never NULL; new bytes are not zeroed. */
void *mem_resize(void *memory, size_t size);

/* The same for an array; aborts when n * size overflows. */
void *mem_resize_array(void *memory, size_t n, size_t size);

/* A copy on the heap. */
void *mem_copy(const void *data, size_t size);

/* A copy of a string on the heap; NULL stays NULL. */
char *str_copy(const char *text);

/* Runs f on the address of the variable when it leaves scope. */
#define _cleanup_(f) __attribute__((cleanup(f)))

/* Makes 'free_function##p' for _cleanup_ out of 'void free_function(type *)', which must accept
 * NULL. */
#define DEFINE_CLEANUP(type, free_function)           \
        static inline void free_function##p(type **p) \
        {                                             \
                free_function(*p);                    \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

/* Hands over what you own: yields the value, leaves NULL (or -1) behind. */
#define TAKE(pointer)                                    \
        __extension__({                                  \
                __typeof__(pointer) *take_ = &(pointer); \
                __typeof__(pointer) taken_ = *take_;     \
                *take_ = NULL;                           \
                taken_;                                  \
        })
#define TAKE_FD(fd)                                  \
        __extension__({                              \
                int *take_ = &(fd), taken_ = *take_; \
                *take_ = -1;                         \
                taken_;                              \
        })

/* An arena: allocate freely, free all at once.  Grows by blocks; never returns NULL. */
struct arena_block;
struct arena {
        struct arena_block *blocks; /* newest first */
        size_t used_bytes;          /* handed out since the last clear */
};

/* A zeroed struct is an empty arena. */
void *arena_alloc(struct arena *arena, size_t size); /* zeroed, 16-byte aligned */
void *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *text); /* NULL stays NULL */
char *arena_printf(struct arena *arena, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Forgets all allocations but keeps one block of at most 1 MiB for reuse. */
void arena_clear(struct arena *arena);

/* Frees everything; the arena is empty and usable afterwards. */
void arena_done(struct arena *arena);
