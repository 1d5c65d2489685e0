/* A growing array of anything. */
#include "lib/base/vec.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

void *vec_add(struct vec *vec)
{
        CHECK(vec->element_size > 0);
        if (vec->n == vec->capacity) {
                vec->capacity = vec->capacity ? vec->capacity * 2 : 8;
                vec->data = mem_resize_array(vec->data, vec->capacity, vec->element_size);
        }
        return memset((char *)vec->data + vec->n++ * vec->element_size, 0, vec->element_size);
}

void vec_push(struct vec *vec, const void *element)
{
        memcpy(vec_add(vec), element, vec->element_size);
}

void *vec_at(const struct vec *vec, size_t i)
{
        CHECK(i < vec->n);
        return (char *)vec->data + i * vec->element_size;
}

void vec_pop(struct vec *vec, void *ret)
{
        CHECK(vec->n > 0);
        vec->n--;
        if (ret)
                memcpy(ret, (char *)vec->data + vec->n * vec->element_size, vec->element_size);
}

void vec_swap_remove(struct vec *vec, size_t i)
{
        void *hole = vec_at(vec, i);

        vec->n--;
        if (i < vec->n)
                memcpy(hole, (char *)vec->data + vec->n * vec->element_size, vec->element_size);
}

void vec_clear(struct vec *vec)
{
        vec->n = 0;
}

void vec_done(struct vec *vec)
{
        free(vec->data);
        vec->data = NULL;
        vec->n = vec->capacity = 0;
}

void vec_sort(struct vec *vec, int (*compare)(const void *, const void *))
{
        if (vec->n > 1)
                qsort(vec->data, vec->n, vec->element_size, compare);
}
