/* A seeded generator: xoroshiro128+ seeded by splitmix64. */
#include "lib/base/random.h"

#include "lib/base/check.h"

static uint64_t split_mix(uint64_t *state)
{
        uint64_t z = (*state += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int n)
{
        return (x << n) | (x >> (64 - n));
}

void random_init(struct random *random, uint64_t seed)
{
        random->state[0] = split_mix(&seed);
        random->state[1] = split_mix(&seed);
}

uint64_t random_next(struct random *random)
{
        uint64_t a = random->state[0], b = random->state[1], result = a + b;

        b ^= a;
        random->state[0] = rotate_left(a, 24) ^ b ^ (b << 16);
        random->state[1] = rotate_left(b, 37);
        return result;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
        CHECK(limit > 0);
        return (uint64_t)(((unsigned __int128)random_next(random) * limit) >> 64);
}

int64_t random_between(struct random *random, int64_t least, int64_t most)
{
        uint64_t span = (uint64_t)most - (uint64_t)least;

        CHECK(least <= most);
        if (span == UINT64_MAX)
                return (int64_t)random_next(random);
        return (int64_t)((uint64_t)least + random_below(random, span + 1));
}
