/* reply.h: counts replies in a byte stream, and the errors and nils among them, without keeping any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where one connection's stream stands. Zero-initialise. */
struct reply_state {
    uint64_t skip;    /* payload bytes still to come */
    uint64_t pending; /* values still to come until the current reply is complete; 0 between replies */
    int64_t number;   /* of the header line being read */
    char type;        /* of that line; 0 between lines */
    bool is_negative;
};

struct reply_counts {
    uint64_t replies;
    uint64_t errors;
    uint64_t nils;
    char first_error[128];
    size_t first_error_len;
};

/* Reads `len` bytes. Returns the number of replies completed by them; adds them to `counts`. */
uint64_t reply_feed(struct reply_state *s, const char *ptr, size_t len, struct reply_counts *counts);
