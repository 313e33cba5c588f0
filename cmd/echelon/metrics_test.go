package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"go.yaml.in/yaml/v3"

	"github.com/echelonhq/echelon/internal/identity"
	"github.com/echelonhq/echelon/internal/identity/identitytest"
	"github.com/echelonhq/echelon/server"
	"github.com/echelonhq/echelon/storage/badger"
)

const (
	metricsPage = "../../docs/metrics.md"
	alertsPage  = "../../docs/alerts.md"
	alertsFile  = "../../deploy/prometheus/alerts.yaml"
)

// metric is one that a server exposes, whether it has a value yet or not.
type metric struct {
	name, help string
	labels     []string
	kind       dto.MetricType
}

// listing keeps what is registered.
type listing struct {
	*prometheus.Registry
	collectors []prometheus.Collector
}

func (l *listing) Register(c prometheus.Collector) error {
	l.collectors = append(l.collectors, c)
	return l.Registry.Register(c)
}

func (l *listing) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := l.Register(c); err != nil {
			panic(err)
		}
	}
}

// metrics returns all metrics of a server with a store on a disk, by name.
func metrics(t *testing.T) []metric {
	t.Helper()
	store, err := badger.Open(t.TempDir(), badger.Options{DiskReserve: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	folder, authority := t.TempDir(), identitytest.NewAuthority(t)
	authority.Write(folder, "server", identitytest.Leaf{CN: "server"})
	secured, err := identity.ServerTLS(identity.TLSFiles{
		Certificate: filepath.Join(folder, "server.crt"), Key: filepath.Join(folder, "server.key"),
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l := &listing{Registry: prometheus.NewRegistry()}
	registerProcess(l)
	s, err := server.New(t.Context(), store, server.Config{Metrics: l, Log: slog.New(slog.DiscardHandler), TLS: secured})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	var list []metric
	for _, c := range l.collectors {
		list = append(list, described(t, c)...)
	}
	slices.SortFunc(list, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	// Some are several collectors, which differ in the value of a label.
	return slices.CompactFunc(list, func(a, b metric) bool { return a.name == b.name })
}

var descForm = regexp.MustCompile(`^Desc\{fqName: "(.*?)", help: "(.*?)"(?:, unit: ".*?")?, constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}\}$`)

// described returns the metrics of a collector.
func described(t *testing.T, c prometheus.Collector) []metric {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descs)
		close(descs)
	}()
	var list []metric
	for desc := range descs {
		found := descForm.FindStringSubmatch(desc.String())
		if found == nil {
			t.Fatalf("a metric is described in another form than this test reads: %s", desc)
		}
		m := metric{name: found[1], help: strings.ReplaceAll(found[2], `\"`, `"`), kind: metricKind(c, desc)}
		for _, pair := range strings.Split(found[3], ",") {
			if name, _, ok := strings.Cut(pair, "="); ok {
				m.labels = append(m.labels, name)
			}
		}
		m.labels = append(m.labels, strings.FieldsFunc(found[4], func(r rune) bool { return r == ',' })...)
		list = append(list, m)
	}
	return list
}

// metricKind returns what kind of metric a collector has under a description: what it collects says so, or it is a vector that has nothing yet.
func metricKind(c prometheus.Collector, desc *prometheus.Desc) dto.MetricType {
	collected := make(chan prometheus.Metric)
	go func() {
		c.Collect(collected)
		close(collected)
	}()
	kind := dto.MetricType_UNTYPED
	for m := range collected {
		var d dto.Metric
		if m.Desc() != desc && m.Desc().String() != desc.String() || m.Write(&d) != nil {
			continue
		}
		switch {
		case d.Counter != nil:
			kind = dto.MetricType_COUNTER
		case d.Gauge != nil:
			kind = dto.MetricType_GAUGE
		case d.Histogram != nil:
			kind = dto.MetricType_HISTOGRAM
		case d.Summary != nil:
			kind = dto.MetricType_SUMMARY
		}
	}
	switch _, histogram := c.(*prometheus.HistogramVec); {
	case kind != dto.MetricType_UNTYPED:
	case strings.Contains(desc.String(), `_total"`):
		kind = dto.MetricType_COUNTER
	case histogram, strings.Contains(desc.String(), `_handling_seconds"`):
		kind = dto.MetricType_HISTOGRAM
	default:
		kind = dto.MetricType_GAUGE
	}
	return kind
}

func ours(name string) bool {
	return strings.HasPrefix(name, "echelon_") || strings.HasPrefix(name, "grpc_")
}

func TestMetricsReference(t *testing.T) {
	data, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	table := "| metric | kind | labels | meaning |\n|---|---|---|---|\n"
	for _, m := range metrics(t) {
		if !ours(m.name) {
			continue
		}
		labels := "–"
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", m.name, strings.ToLower(m.kind.String()), labels, m.help)
	}
	page := between(t, string(data), "metrics", table)
	if *update {
		if err := os.WriteFile(metricsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(data), page); diff != "" {
		t.Errorf("docs/metrics.md is not what the server exposes: run go test ./cmd/echelon -run Reference -update\n%s", diff)
	}
}

func TestMetricsKeepTheConventions(t *testing.T) {
	var families []*dto.MetricFamily
	for _, m := range metrics(t) {
		if ours(m.name) {
			one := &dto.Metric{}
			for _, label := range m.labels {
				one.Label = append(one.Label, &dto.LabelPair{Name: &label})
			}
			families = append(families, &dto.MetricFamily{Name: &m.name, Help: &m.help, Type: &m.kind, Metric: []*dto.Metric{one}})
		}
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "echelon_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// rules is the file of alerts, as Prometheus reads it.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

var (
	word    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	heading = regexp.MustCompile(`(?m)^### (\w+)$`)
)

func TestAlertsAreOfMetricsThatThereAreAndAreExplained(t *testing.T) {
	data, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	var file rules
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(alertsPage)
	if err != nil {
		t.Fatal(err)
	}
	explained := make(map[string]bool)
	for _, found := range heading.FindAllStringSubmatch(string(page), -1) {
		explained[found[1]] = true
	}
	known := map[string]bool{"up": true}
	for _, m := range metrics(t) {
		known[m.name] = true
		if m.kind == dto.MetricType_HISTOGRAM {
			known[m.name+"_bucket"], known[m.name+"_count"], known[m.name+"_sum"] = true, true, true
		}
	}
	alerts := 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			alerts++
			if !explained[rule.Alert] {
				t.Errorf("docs/alerts.md does not explain %s", rule.Alert)
			}
			delete(explained, rule.Alert)
			if used := checkMetrics(t, rule.Alert, rule.Expr, known); used == 0 {
				t.Errorf("%s looks at no metric: %s", rule.Alert, rule.Expr)
			}
			if strings.Count(rule.Expr, "(") != strings.Count(rule.Expr, ")") || strings.Count(rule.Expr, "{") != strings.Count(rule.Expr, "}") {
				t.Errorf("%s: brackets do not match: %s", rule.Alert, rule.Expr)
			}
			if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" {
				t.Errorf("%s has the severity %q, which is neither page nor ticket", rule.Alert, severity)
			}
			if rule.Annotations["summary"] == "" || !strings.HasSuffix(rule.Annotations["runbook_url"], "docs/alerts.md#"+strings.ToLower(rule.Alert)) {
				t.Errorf("%s has no summary, or leads elsewhere: %v", rule.Alert, rule.Annotations)
			}
		}
	}
	for alert := range explained {
		t.Errorf("docs/alerts.md explains %s, which is no alert", alert)
	}
	if alerts == 0 {
		t.Error("there are no alerts")
	}
}

// checkMetrics fails the test where an expression uses a metric that there is not, and returns how many it uses.
func checkMetrics(t *testing.T, alert, expression string, known map[string]bool) int {
	t.Helper()
	used := 0
	for _, name := range word.FindAllString(regexp.MustCompile(`"[^"]*"|\{[^}]*\}`).ReplaceAllString(expression, " "), -1) {
		looksLikeOne := ours(name) || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "go_") || name == "up"
		if looksLikeOne && !known[name] {
			t.Errorf("%s looks at %s, which no server exposes", alert, name)
		}
		if looksLikeOne {
			used++
		}
	}
	return used
}
