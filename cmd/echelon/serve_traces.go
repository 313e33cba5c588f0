package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/echelonhq/echelon/cmd/echelon/internal/config"
)

// flushTimeout is how long a stop waits until the spans that were not sent yet are.
const flushTimeout = 5 * time.Second

// traceOptions are the flags of serve about traces.
type traceOptions struct {
	endpoint string
	ratio    float64
	// flush is how long the end waits for the last spans.
	flush time.Duration
}

func (o *traceOptions) flags(flags *pflag.FlagSet) {
	o.flush = flushTimeout
	flags.StringVar(&o.endpoint, "otlp-endpoint", "", "URL of the OpenTelemetry collector (OTLP over gRPC) that traces go to; empty sends none, unless OTEL_EXPORTER_OTLP_ENDPOINT names one")
	flags.Float64Var(&o.ratio, "trace-sample-ratio", 1, "share of the traces that begin here which is kept, 0 to 1; what callers decided of theirs stands")
}

// check notes what is out of range.
func (o *traceOptions) check(c *config.Config) {
	if o.ratio < 0 || o.ratio > 1 || o.ratio != o.ratio {
		c.Mistake(fmt.Sprintf("--trace-sample-ratio %v is not between 0 and 1", o.ratio), "trace-sample-ratio")
	}
	if o.endpoint == "" {
		return
	}
	if u, err := url.Parse(o.endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.Mistake("--otlp-endpoint must be a URL such as http://127.0.0.1:4317, or https:// for TLS", "otlp-endpoint")
	}
}

// wanted reports whether traces go anywhere: the standard variables of OpenTelemetry say so too.
func (o *traceOptions) wanted() bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return o.endpoint != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// provider returns what takes spans, nil where nobody wants any, and what sends the last of them at the end, in bounded time. The collector need
// not be there: spans that it does not take are dropped, and the log says so.
func (o *traceOptions) provider(ctx context.Context, log *slog.Logger) (trace.TracerProvider, func(), error) {
	if !o.wanted() {
		return nil, func() {}, nil
	}
	var options []otlptracegrpc.Option
	if o.endpoint != "" {
		options = append(options, otlptracegrpc.WithEndpointURL(o.endpoint))
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return nil, nil, fmt.Errorf("--otlp-endpoint, or the variables OTEL_*: %w", err)
	}
	// What the variables say of the service goes before.
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "echelon"), attribute.String("service.version", built().Version)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("the variables OTEL_*: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	settings := []sdktrace.TracerProviderOption{sdktrace.WithBatcher(exporter), sdktrace.WithResource(about)}
	if o.ratio != 1 {
		settings = append(settings, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.ratio))))
	}
	provider := sdktrace.NewTracerProvider(settings...)
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.flush)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last traces were not sent", "error", err)
		}
	}, nil
}
