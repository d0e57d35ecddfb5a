#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Macros whose structure Swift cannot import. */
static inline int martlet_selection_public(void) { return EVP_PKEY_PUBLIC_KEY; }
static inline int martlet_selection_keypair(void) { return EVP_PKEY_KEYPAIR; }

static inline int martlet_tls_set_versions(SSL_CTX *context)
{
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
}
static inline int martlet_tls_set_groups(SSL_CTX *context, const char *names) { return (int)SSL_CTX_set1_groups_list(context, names); }
static inline void martlet_tls_set_modes(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // One read of the socket where a record's head and the rest would take two.
    SSL_CTX_set_read_ahead(context, 1);
    // One instead of two after a full handshake of TLS 1.3; who resumes gets a fresh one each time.
    SSL_CTX_set_num_tickets(context, 1);
}
static inline int martlet_tls_add_chain(SSL_CTX *context, X509 *certificate) { return (int)SSL_CTX_add1_chain_cert(context, certificate); }
static inline int martlet_is_pem_end(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}
/* Letters beyond ASCII as they are, in UTF-8: whoever tells the name escapes it once. */
static inline unsigned long martlet_name_form(void) { return XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB; }
static inline void martlet_free(void *memory) { OPENSSL_free(memory); }
static inline void martlet_clear_free(void *memory, long count) { OPENSSL_clear_free(memory, (size_t)count); }
static inline int martlet_utf8(void) { return MBSTRING_UTF8; }
static inline int martlet_tls_set_server_name(SSL *session, const char *name) { return (int)SSL_set_tlsext_host_name(session, name); }

/* A hash of the SHA-2 family in progress, which is copied like a number. OpenSSL deprecates the functions below because they
   choose no provider. Those that it has instead allocate memory for every copy. */
struct martlet_hash {
    union {
        SHA256_CTX small;
        SHA512_CTX large;
    } state;
    unsigned digest_length;
};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* `digest_length` is 32, 48 or 64. */
static inline int martlet_hash_begin(struct martlet_hash *hash, unsigned digest_length)
{
    hash->digest_length = digest_length;
    switch (digest_length) {
    case 32: return SHA256_Init(&hash->state.small);
    case 48: return SHA384_Init(&hash->state.large);
    default: return SHA512_Init(&hash->state.large);
    }
}
static inline int martlet_hash_read(struct martlet_hash *hash, const void *bytes, size_t count)
{
    return hash->digest_length == 32 ? SHA256_Update(&hash->state.small, bytes, count)
                                     : SHA512_Update(&hash->state.large, bytes, count);
}
static inline int martlet_hash_finish(struct martlet_hash *hash, unsigned char *digest)
{
    return hash->digest_length == 32 ? SHA256_Final(digest, &hash->state.small) : SHA512_Final(digest, &hash->state.large);
}
#pragma GCC diagnostic pop
