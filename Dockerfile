# The image: one static binary, nothing else. It needs no shell, no iptables, no nft.
#
#   docker build -t netweir .
#   docker build -t netweir --build-arg BUILDER=my.registry/rust:1-trixie .
#
# `make image` builds the last stage around a binary made by `make static`, and pulls nothing.
ARG BUILDER=docker.io/library/rust:1-trixie

FROM ${BUILDER} AS builder
WORKDIR /src
COPY . .
RUN script/setup build static capability \
    && script/static \
    && install -D .build/static/netweir /out/netweir \
    && setcap cap_net_admin+p /out/netweir

FROM scratch
LABEL org.opencontainers.image.title="netweir" \
      org.opencontainers.image.description="Captures a pod's traffic for a service-mesh proxy, through nf_tables and netlink alone" \
      org.opencontainers.image.licenses="GPL-2.0-or-later"
# Its file capability is cap_net_admin+p: what the pod grants (`add: [NET_ADMIN]`), and no more, is what it
# raises itself, as this user too. With +ep it could not even start where the pod grants nothing.
COPY --from=builder /out/netweir /netweir
USER 65534:65534
ENTRYPOINT ["/netweir"]
