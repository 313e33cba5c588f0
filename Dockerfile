# The program alone, static, run by a user without rights:
#   docker build -t echelon .
#   docker run -v echelon-data:/data -p 127.0.0.1:7070:7070 echelon
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/echelon ./cmd/echelon \
    && mkdir -p /out/data

FROM scratch
COPY --from=build /out/echelon /echelon
# A volume takes over the owner of the folder that it covers.
COPY --from=build --chown=65532:65532 /out/data /data
# What the image sets; variables go before it (-e ECHELON_LOG_FORMAT=json), and a file of your own can be mounted over it.
COPY deploy/container.yaml /etc/echelon/echelon.yaml
ENV ECHELON_CONFIG=/etc/echelon/echelon.yaml
USER 65532:65532
VOLUME /data
EXPOSE 7070
ENTRYPOINT ["/echelon"]
CMD ["serve"]
