# syntax=docker/dockerfile:1
# The packages of both stages are those of scripts/packages; Tests/BlackBoxTests/operations/test_packaging.py compares them.

FROM swift:6.3-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        libargon2-dev \
        libcrypt-dev \
        libnghttp2-dev \
        libssl-dev \
        pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --static-swift-stdlib --product martlet \
 && strip --strip-debug .build/release/martlet

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        ca-certificates \
        libargon2-1 \
        libcrypt1 \
        libgcc-s1 \
        libhiredis0.14 \
        libnghttp2-14 \
        libpq5 \
        libssl3 \
        libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --user-group --uid 10001 --no-create-home --home-dir /nonexistent martlet \
 && install --directory --owner martlet --group martlet --mode 0700 \
        /var/lib/martlet/state /var/lib/martlet/keys /var/lib/martlet/accounts \
 && install --directory --mode 1777 /run/martlet
COPY --from=build /src/.build/release/martlet /usr/local/bin/martlet

# Accounts have a folder of their own, because their files are replaced by renaming. The operator's socket is what
# `docker compose exec martlet martlet status` asks; its folder is a volume of the image, so that it
# can be written on a read-only root, too.
ENV MARTLET_LISTEN=0.0.0.0:8080 \
    MARTLET_OPERATOR_LISTEN=127.0.0.1:8081,unix:/run/martlet/operator.sock \
    MARTLET_STATE=/var/lib/martlet/state \
    MARTLET_KEYS=/var/lib/martlet/keys \
    MARTLET_USERS=/var/lib/martlet/accounts/users.json \
    MARTLET_CLIENTS=/var/lib/martlet/accounts/clients.json
USER 10001:10001
EXPOSE 8080
VOLUME ["/var/lib/martlet/state", "/var/lib/martlet/keys", "/var/lib/martlet/accounts", "/run/martlet"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["martlet", "healthcheck"]
ENTRYPOINT ["martlet"]
CMD ["serve"]
