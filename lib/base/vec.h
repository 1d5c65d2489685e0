/* A growing array of anything: 'struct vec' holds elements of one size, one after the other. */
#pragma once
#include <stddef.h>

struct vec {
        void *data;
        size_t n, capacity, element_size;
};

/* VEC_OF(struct task *) is an empty vector of pointers to tasks. */
#define VEC_OF(type) ((struct vec){ .element_size = sizeof(type) })

/* Room for one more at the end, zeroed; valid until the next add. */
void *vec_add(struct vec *vec);

/* As vec_add, filled from 'element', which must not lie in the vector itself. */
void vec_push(struct vec *vec, const void *element);

/* The i-th element; i must be below n. */
void *vec_at(const struct vec *vec, size_t i);

/* The same, typed: VEC_AT(&tasks, struct task *, i) is an lvalue. */
#define VEC_AT(vec, type, i) (*(type *)vec_at((vec), (i)))

/* Removes the last element and copies it to 'ret' when that is not NULL. */
void vec_pop(struct vec *vec, void *ret);

/* Removes the i-th by moving the last one into its place. */
void vec_swap_remove(struct vec *vec, size_t i);

void vec_clear(struct vec *vec); /* n = 0, memory kept */
void vec_done(struct vec *vec);  /* frees the array, not what elements point to */
void vec_sort(struct vec *vec, int (*compare)(const void *, const void *));
