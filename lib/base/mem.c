/* Heap helpers that never fail, and the arena. */
#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"

enum { ARENA_BLOCK_MIN = 16 * 1024, ARENA_BLOCK_MAX = 1024 * 1024 };

struct arena_block {
        struct arena_block *next;
        size_t size, used;
        _Alignas(16) char data[];
};

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
        fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
        abort();
}

void *mem_alloc(size_t size)
{
        void *memory = calloc(1, size ? size : 1);

        if (!memory)
                abort();
        return memory;
}

void *mem_alloc_array(size_t n, size_t size)
{
        void *memory = calloc(n ? n : 1, size ? size : 1);

        if (!memory)
                abort();
        return memory;
}

void *mem_resize(void *memory, size_t size)
{
        void *resized = realloc(memory, size ? size : 1);

        if (!resized)
                abort();
        return resized;
}

void *mem_resize_array(void *memory, size_t n, size_t size)
{
        size_t total;

        CHECK(!__builtin_mul_overflow(n, size, &total));
        return mem_resize(memory, total);
}

void *mem_copy(const void *data, size_t size)
{
        void *copy = mem_alloc(size);

        if (size)
                memcpy(copy, data, size);
        return copy;
}

char *str_copy(const char *text)
{
        return text ? mem_copy(text, strlen(text) + 1) : NULL;
}

static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
        size_t wanted = arena->blocks ? arena->blocks->size * 2 : ARENA_BLOCK_MIN;
        struct arena_block *block;

        if (wanted > ARENA_BLOCK_MAX)
                wanted = ARENA_BLOCK_MAX;
        if (wanted < size)
                wanted = size;
        block = malloc(sizeof *block + wanted);
        if (!block)
                abort();
        block->size = wanted;
        block->used = 0;
        block->next = arena->blocks;
        arena->blocks = block;
        return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        struct arena_block *block = arena->blocks;
        void *memory;

        CHECK(size <= SIZE_MAX / 2);
        size = (size + 15) & ~(size_t)15;
        if (!block || block->size - block->used < size)
                block = arena_grow(arena, size);
        memory = block->data + block->used;
        block->used += size;
        arena->used_bytes += size;
        return memset(memory, 0, size);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
        void *copy = arena_alloc(arena, size);

        if (size)
                memcpy(copy, data, size);
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
        return text ? arena_copy(arena, text, strlen(text) + 1) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
        va_list args, again;
        char *text;
        int n;

        va_start(args, format);
        va_copy(again, args);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        CHECK(n >= 0);
        text = arena_alloc(arena, (size_t)n + 1);
        vsnprintf(text, (size_t)n + 1, format, again);
        va_end(again);
        return text;
}

void arena_clear(struct arena *arena)
{
        struct arena_block *block = arena->blocks, *next;

        if (!block || block->size > ARENA_BLOCK_MAX) {
                arena_done(arena);
                return;
        }
        arena->used_bytes = 0;
        for (struct arena_block *b = block->next; b; b = next) {
                next = b->next;
                free(b);
        }
        block->next = NULL;
        block->used = 0;
}

void arena_done(struct arena *arena)
{
        struct arena_block *next;

        for (struct arena_block *b = arena->blocks; b; b = next) {
                next = b->next;
                free(b);
        }
        *arena = (struct arena){ 0 };
}
