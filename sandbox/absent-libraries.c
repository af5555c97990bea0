/* libmesos.so names three libraries of its time, OpenSSL 1.0 (two) and libcurl 4 with
 * the symbol versions of 2016, that Debian no longer has. A cluster without TLS
 * and without its own downloads calls next to nothing in them; this file is
 * compiled once for each, with the name of the library defined. */
#if defined(LIBCRYPTO)
#include <stdio.h>
#include <stdlib.h>

static void unavailable(const char *function) {
  fprintf(stderr, "%s: this Mesos has no TLS; put a TLS proxy in front of it\n", function);
  abort();
}

#define UNAVAILABLE(function) \
  void function(void) { unavailable(#function); }

UNAVAILABLE(GENERAL_NAME_free)
UNAVAILABLE(PEM_read_bio_RSAPrivateKey)
UNAVAILABLE(PEM_read_bio_RSA_PUBKEY)
UNAVAILABLE(RSA_free)
UNAVAILABLE(X509_NAME_free)

#elif defined(LIBCURL)
/* Called once when libmesos is loaded and once when it is unloaded. */
int curl_global_init(long flags) {
  (void)flags;
  return 0;
}
void curl_global_cleanup(void) {}

#elif defined(LIBSSL)
extern const int libssl_is_absent;
const int libssl_is_absent = 1;

#else
#error "compile with -DLIBCRYPTO, -DLIBCURL or -DLIBSSL"
#endif
