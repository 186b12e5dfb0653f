/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qres_err.h - the error codes of every fallible function of the core.
 */
#ifndef QRES_ERR_H
#define QRES_ERR_H

/* cffi: begin */
/*
 * What a fallible function returns: QRES_OK or more on success, else one of
 * these. SPEC.md section 9 has the meanings and likely causes.
 */
typedef enum {
    QRES_OK = 0,
    QRES_ERR_INVALID = -1,    /* an argument is outside its stated range */
    QRES_ERR_LENGTH = -2,     /* no frame has this length */
    QRES_ERR_TAG = -3,        /* the authentication tag fits no candidate */
    QRES_ERR_DUPLICATE = -4,  /* already known */
    QRES_ERR_WINDOW = -5,     /* its phase is outside the accepted ones */
    QRES_ERR_RESERVED = -6,   /* authentic, but unused bits are set */
    QRES_ERR_VERSION = -7,    /* a beacon of another wire version */
    QRES_ERR_SITE = -8,       /* a beacon of another site */
    QRES_ERR_LIMIT = -9,      /* the phase's trial limit is used up */
    QRES_ERR_FULL = -10,      /* the log has no room */
    QRES_ERR_PENDING = -11,   /* kept undecoded until a checkpoint comes */
    QRES_ERR_BLOB = -12,      /* a checkpoint's content is not valid */
    QRES_ERR_SPACE = -13,     /* the output buffer is too small */
    QRES_ERR_AIRTIME = -14,   /* the airtime budget does not allow it now */
    QRES_ERR_FORMAT = -15     /* stored bytes are damaged, or of another version */
} qres_err;
#define QRES_ERR_COUNT 16     /* codes are 0 .. -(QRES_ERR_COUNT - 1) */
/* cffi: end */

#endif /* QRES_ERR_H */
