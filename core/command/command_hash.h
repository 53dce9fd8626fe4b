/* command_hash.h: the hash by which commands are found, shared by the lookup (command.c) and by the program that
 * computes the index while the server is being built (command_index_gen.c).
 *
 * It reads at most two words of the name, its first and its last eight bytes, folds ASCII letters by setting bit 5, and
 * mixes them with the length. Names that differ only in what folding hides, or only in their middle, collide; the lookup
 * compares whole names anyway. */
#pragma once

#include "core/base/bytes.h"

#define COMMAND_HASH_FOLD UINT64_C(0x2020202020202020)

static inline uint64_t command_hash(struct bytes name) {
    uint64_t head = 0;
    uint64_t tail = 0;
    if (name.len >= 8) {
        memcpy(&head, name.ptr, 8);
        memcpy(&tail, name.ptr + name.len - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&head, name.ptr, 4);
        memcpy(&tail, name.ptr + name.len - 4, 4);
    } else if (name.len > 0) {
        head = (unsigned char)name.ptr[0] | (uint64_t)(unsigned char)name.ptr[name.len / 2] << 8;
        tail = (unsigned char)name.ptr[name.len - 1];
    }
    head |= COMMAND_HASH_FOLD;
    tail |= COMMAND_HASH_FOLD;
    uint64_t h = (head ^ name.len) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= tail;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h >> 32;
}
