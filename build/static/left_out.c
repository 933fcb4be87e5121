/* What Debian's archives would bring along, and nothing here ever uses.
 *
 * Defined here, a function of an archive is not linked, nor is what it needs. Each answers as the
 * library's own code does where it was built without that part. 2 MB in all.
 */
#include <stddef.h>

#define WITHOUT(type, name, parameters, answer) \
    type name parameters;                       \
    type name parameters { return answer; }

/* TLS certificates compressed with zstd: offered by neither side without it. */
WITHOUT(void *, COMP_zstd, (void), NULL)
WITHOUT(void *, COMP_zstd_oneshot, (void), NULL)
WITHOUT(void *, BIO_f_zstd, (void), NULL)
void ossl_comp_zstd_cleanup(void);
void ossl_comp_zstd_cleanup(void) {}

/* SQLite's searches in texts and boxes; a table of theirs is refused as an unknown module. */
WITHOUT(int, sqlite3Fts3Init, (void *database), 0)
WITHOUT(int, sqlite3Fts5Init, (void *database), 0)
WITHOUT(int, sqlite3RtreeInit, (void *database), 0)

#ifdef __x86_64__
/* AES-GCM for processors with AVX-512, 0.7 MB of it. They have AES-NI, too, and OpenSSL takes that
 * once it hears that they are not capable; the rest is then never called.
 */
#include <stdint.h>

WITHOUT(int, ossl_vaes_vpclmulqdq_capable, (void), 0)
WITHOUT(int, ossl_aes_gcm_init_avx512, (const void *key, void *gcm), 0)
WITHOUT(int, ossl_aes_gcm_setiv_avx512,
        (const void *key, void *gcm, const unsigned char *iv, size_t length), 0)
WITHOUT(int, ossl_aes_gcm_update_aad_avx512, (void *gcm, const unsigned char *aad, size_t length), 0)
WITHOUT(int, ossl_aes_gcm_encrypt_avx512,
        (const void *key, void *gcm, unsigned int *done, const unsigned char *in, size_t length,
         unsigned char *out), 0)
WITHOUT(int, ossl_aes_gcm_decrypt_avx512,
        (const void *key, void *gcm, unsigned int *done, const unsigned char *in, size_t length,
         unsigned char *out), 0)
WITHOUT(int, ossl_aes_gcm_finalize_avx512, (void *gcm, unsigned int done), 0)
WITHOUT(int, ossl_gcm_gmult_avx512, (uint64_t hash[2], const void *gcm), 0)
#endif
