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
USER 65532:65532
VOLUME /data
EXPOSE 7070
ENTRYPOINT ["/echelon"]
# A container's address is not loopback, so this insists: publish the port on loopback, or put in front of it what secures it.
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:7070", "--insecure"]
