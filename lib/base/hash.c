/* SipHash-2-4, as its authors describe it, under the key of their test vectors. */
#include <string.h>

#include "lib/base/str.h"

struct sip {
        uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t x, int n)
{
        return (x << n) | (x >> (64 - n));
}

static void sip_rounds(struct sip *sip, int n)
{
        while (n-- > 0) {
                sip->v0 += sip->v1;
                sip->v2 += sip->v3;
                sip->v1 = rotate_left(sip->v1, 13) ^ sip->v0;
                sip->v3 = rotate_left(sip->v3, 16) ^ sip->v2;
                sip->v0 = rotate_left(sip->v0, 32);
                sip->v2 += sip->v1;
                sip->v0 += sip->v3;
                sip->v1 = rotate_left(sip->v1, 17) ^ sip->v2;
                sip->v3 = rotate_left(sip->v3, 21) ^ sip->v0;
                sip->v2 = rotate_left(sip->v2, 32);
        }
}

/* Up to 8 bytes as a little-endian number. */
static uint64_t load(const unsigned char *data, size_t size)
{
        uint64_t word = 0;

        for (size_t i = 0; i < size; i++)
                word |= (uint64_t)data[i] << (8 * i);
        return word;
}

static void sip_word(struct sip *sip, uint64_t word)
{
        sip->v3 ^= word;
        sip_rounds(sip, 2);
        sip->v0 ^= word;
}

/* Everything up to the finalisation; 'variant' tells the 128-bit hash from the 64-bit one. */
static struct sip sip_absorb(const unsigned char *data, size_t size, uint64_t variant)
{
        const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
        struct sip sip = {
                .v0 = key[0] ^ 0x736f6d6570736575u,
                .v1 = key[1] ^ 0x646f72616e646f6du ^ variant,
                .v2 = key[0] ^ 0x6c7967656e657261u,
                .v3 = key[1] ^ 0x7465646279746573u,
        };
        size_t at = 0;

        for (; size - at >= 8; at += 8)
                sip_word(&sip, load(data + at, 8));
        sip_word(&sip, load(data + at, size - at) | (uint64_t)size << 56);
        return sip;
}

uint64_t hash_bytes(const void *data, size_t size)
{
        struct sip sip = sip_absorb(data, size, 0);

        sip.v2 ^= 0xff;
        sip_rounds(&sip, 4);
        return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

void hash_bytes_128(const void *data, size_t size, uint64_t ret[2])
{
        struct sip sip = sip_absorb(data, size, 0xee);

        sip.v2 ^= 0xee;
        sip_rounds(&sip, 4);
        ret[0] = sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
        sip.v1 ^= 0xdd;
        sip_rounds(&sip, 4);
        ret[1] = sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}
