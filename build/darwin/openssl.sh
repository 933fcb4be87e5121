# OpenSSL as static archives: what _ssl and _hashlib use, TLS 1.2 and 1.3, nothing that is loaded at
# run time. It never reads the host's openssl.cnf; /etc/ssl/cert.pem is there on every Mac.
case "$DARWIN_TARGET" in
    aarch64-*) platform=darwin64-arm64 ;;
    *) platform=darwin64-x86_64 ;;
esac
mkdir -p /tmp/openssl /opt/darwin/include /opt/darwin/lib
cd /tmp/openssl
perl /opt/src/openssl/Configure "$platform" CC=darwin-cc AR="zig ar" RANLIB="zig ranlib" \
    --prefix=/opt/darwin --openssldir=/etc/ssl --libdir=lib \
    no-shared no-tests no-apps no-docs no-legacy no-module no-dso no-engine no-autoload-config \
    no-aria no-async no-bf no-blake2 no-camellia no-cast no-cmp no-cms no-comp no-dsa no-dtls \
    no-ec2m no-gost no-idea no-md4 no-mdc2 no-ml-dsa no-ocb no-quic no-rc2 no-rc4 no-rmd160 \
    no-seed no-siv no-slh-dsa no-sm2 no-sm3 no-sm4 no-srp no-srtp no-ssl3 no-ssl-trace \
    no-thread-pool no-ts no-ui-console no-whirlpool
make -s -j"$(nproc)" build_generated libcrypto.a libssl.a

cp libcrypto.a libssl.a /opt/darwin/lib/
cp -r /opt/src/openssl/include/openssl include/openssl /opt/darwin/include/
