/* Memory is wiped when it is freed: for daemons that handle secrets.
 *
 * A secret passes through gRPC, OpenSSL, protobuf-c and arenas on its way, and none of these wipes
 * what it gives back; a core dump, or whoever reads the process's memory later, would find it.  So
 * in programs that link this, free() itself wipes, whoever calls it.  That costs a memset of what
 * is freed and a copy where realloc() might have grown in place.
 *
 * The sanitizers have a malloc of their own, whose memory this knows nothing of. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#endif

#ifndef HAS_SANITIZER

/* glibc's own free(). */
void __libc_free(void *memory);

void free(void *memory)
{
        if (!memory)
                return;
        explicit_bzero(memory, malloc_usable_size(memory));
        __libc_free(memory);
}

/* glibc's frees without free(). */
void *realloc(void *memory, size_t size)
{
        size_t had = memory ? malloc_usable_size(memory) : 0;
        void *moved;

        if (memory && !size) {
                free(memory);
                return NULL;
        }
        if (size <= had && size >= had / 2)
                return memory;
        moved = malloc(size);
        if (moved && memory) {
                memcpy(moved, memory, had < size ? had : size);
                free(memory);
        }
        return moved;
}

#endif
