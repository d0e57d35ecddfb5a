#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

/* Macros whose structure Swift cannot import. */
static inline int martlet_selection_public(void) { return EVP_PKEY_PUBLIC_KEY; }
static inline int martlet_selection_keypair(void) { return EVP_PKEY_KEYPAIR; }
