/* Identifiers: 25 characters of base36, as Docker's, made of 128 bits. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ID_LENGTH = 25, ID_SIZE = ID_LENGTH + 1 };

/* The id of 128 given bits; equal bits, equal id. */
void id_from_bits(const uint64_t bits[2], char ret[static ID_SIZE]);

/* hash(the parts, a NUL after each): the identity of what several things name together. 'parts'
 * ends with NULL. */
void id_from_parts(const char *const parts[], char ret[static ID_SIZE]);

/* The id of a task: the same slot (or node) and generation of a service always give the same.
 * 'slot_key' is the decimal slot of a replicated service, the node id of a global one. */
void id_of_task(const char *service_id, const char *slot_key, uint64_t generation,
                char ret[static ID_SIZE]);

/* 25 characters of 0-9a-z? */
bool id_is_valid(const char *text);
