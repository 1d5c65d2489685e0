/* A seeded generator for decisions and simulations: the same seed gives the same numbers
 * everywhere. Not for secrets. */
#pragma once
#include <stdint.h>

struct random {
        uint64_t state[2];
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit); /* 0 .. limit-1; limit > 0 */
int64_t random_between(struct random *random, int64_t least, int64_t most); /* both included */
