/* resp.h: the words of the protocol that its writer and its readers share.
 *
 * Every value begins with a type byte. What follows is a line (text, CR LF); a length line and so many bytes, CR LF; or a
 * count line and so many values. RESP2 knows the first five types. */
#pragma once

enum resp_type {
    RESP_SIMPLE = '+',     /* line: a status */
    RESP_FAILURE = '-',    /* line: an error */
    RESP_INT = ':',        /* line: a signed 64-bit number */
    RESP_BULK = '$',       /* bytes; length -1 is RESP2's null */
    RESP_ARRAY = '*',      /* values; count -1 is RESP2's null array */
    RESP_NULL = '_',       /* line: empty */
    RESP_BOOL = '#',       /* line: t or f */
    RESP_DOUBLE = ',',     /* line: a number, inf, -inf or nan */
    RESP_BIGNUM = '(',     /* line: an integer of any size */
    RESP_BLOB_ERROR = '!', /* bytes: an error */
    RESP_VERBATIM = '=',   /* bytes: three letters of format, a colon, text */
    RESP_MAP = '%',        /* twice as many values: keys, each followed by its value */
    RESP_SET = '~',        /* values */
    RESP_PUSH = '>',       /* values: a message that answers no request */
    RESP_ATTRIBUTE = '|',  /* pairs as in a map; the value they describe follows them */
};
