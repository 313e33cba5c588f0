package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func (c *cli) reviewCommand() *cobra.Command {
	return group("review", "Look at what people ought to look at, and decide", c.reviewListCommand(), c.reviewAcceptCommand(), c.reviewOverrideCommand(), c.reviewWithdrawCommand())
}

// reviewFlags are the flags that say what is in the queue, which all commands of it have.
type reviewFlags struct {
	flags      *pflag.FlagSet
	run, item  string
	borderline float64
	complete   float64
	large      int32
	top        int32
	expiring   int32
}

func (f *reviewFlags) add(cmd *cobra.Command, item string) {
	f.addNames(cmd, item)
	f.flags.Float64Var(&f.borderline, "borderline", 2, "a score within so many points of a line is borderline; 0 for none")
	f.flags.Float64Var(&f.complete, "min-completeness", 0.8, "a score from less than this share of its weight is of low completeness; 0 for none")
	f.flags.Int32Var(&f.large, "large-move", 2, "a move over so many tiers is large; of a matrix, levels of both axes")
	f.flags.Int32Var(&f.top, "top", 100, "so many customers with the largest amounts are looked at when they fall; 0 for none")
	f.flags.Int32Var(&f.expiring, "expiring-days", 30, "an override that ends within so many days is looked at; 0 for none")
}

// addNames adds the flags that name the run and the item.
func (f *reviewFlags) addNames(cmd *cobra.Command, item string) {
	f.flags = cmd.Flags()
	f.flags.StringVar(&f.run, "run", "", "a run that is looked at as it left its customers, such as one that is not published yet: its id, or latest:MODEL; what is published where it is not given")
	f.flags.StringVar(&f.item, "item", "", item)
}

// thresholds returns those that were given; the service has the others.
func (f *reviewFlags) thresholds() *echelonv1.ReviewThresholds {
	t := &echelonv1.ReviewThresholds{}
	if f.flags.Changed("borderline") {
		t.BorderlinePoints = &f.borderline
	}
	if f.flags.Changed("min-completeness") {
		t.MinCompleteness = &f.complete
	}
	if f.flags.Changed("large-move") {
		t.LargeMove = &f.large
	}
	if f.flags.Changed("top") {
		t.TopCustomers = &f.top
	}
	if f.flags.Changed("expiring-days") {
		t.ExpiringDays = &f.expiring
	}
	return t
}

func (c *cli) reviewListCommand() *cobra.Command {
	var most int
	var kinds []string
	var asCSV bool
	queue := &reviewFlags{}
	request := &echelonv1.ListReviewItemsRequest{}
	cmd := c.calls(&cobra.Command{
		Use:   "list MODEL",
		Short: "List what people ought to look at, the largest amount first",
		Long: "List shows customers near a line, of whom too little is known, without a tier, that moved far, that are large and fell, and overrides in doubt, each\n" +
			"with its reasons. What somebody accepted does not come back until there is another reason or something else is computed.",
		Example: "  echelon review list b2b --item coverage\n  echelon review list b2b --run 20260131-120000.000000-1a2b3c4d --kind top-demoted,large-move\n" +
			"  echelon review list b2b --csv --limit 0 > review.csv\n  echelon review list b2b --owner \"Ann Lee\" --owner-by rep",
		Args: cobra.ExactArgs(1),
	})
	cmd.RunE = c.calling(func(ctx context.Context, server *client.Client, args []string) error {
		if most < 0 {
			return usagef("--limit %d is below 0", most)
		}
		if request.Owner != "" && request.OwnerBy == "" || request.Owner == "" && cmd.Flags().Changed("owner-by") {
			return usagef("--owner names whose customers are shown, and --owner-by what says who that is: give both")
		}
		if request.Owner == "" {
			request.OwnerBy = ""
		}
		if asCSV && c.json {
			return usagef("--csv and --json exclude each other: choose one")
		}
		var err error
		if request.Kinds, err = reviewKinds(kinds); err != nil {
			return err
		}
		if request.RunId, err = queue.runID(ctx, server); err != nil {
			return err
		}
		request.Model, request.Item, request.Thresholds = args[0], queue.item, queue.thresholds()
		list, err := reviewItems(ctx, server, request, most)
		if err != nil {
			return err
		}
		if more := list.GetTotal() - int64(len(list.GetItems())); more > 0 {
			c.advise("there are %s more: --limit 0 shows all", report.Count(more))
		}
		switch {
		case c.json:
			return c.printMessage(list)
		case asCSV:
			return report.ReviewCSV(c.stdout, list)
		}
		return report.Review(c.stdout, list)
	})
	queue.add(cmd, "only this tiering, or this segmentation, as in segments.size; all where it is not given")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only items with one of these reasons: "+strings.Join(kindNames(), ", "))
	cmd.Flags().BoolVar(&request.Accepted, "accepted", false, "what somebody accepted, in place of what is open")
	cmd.Flags().StringVar(&request.Owner, "owner", "", "only customers of this owner, such as a rep's name")
	cmd.Flags().StringVar(&request.OwnerBy, "owner-by", "owner", "what says who the owner is: an attribute of texts, or a role, as in reps.csm, for the rep who is pinned there")
	cmd.Flags().BoolVar(&asCSV, "csv", false, "write CSV, one row an item")
	cmd.Flags().IntVar(&most, "limit", 50, "how many items at most; 0 for all")
	return cmd
}

// reviewItems returns up to so many items, 0 for all, as one page. The counts are those of the last page that was read.
func reviewItems(ctx context.Context, server *client.Client, request *echelonv1.ListReviewItemsRequest, most int) (*echelonv1.ListReviewItemsResponse, error) {
	const largest = 10_000
	request.PageSize = int32(min(most, largest))
	if most == 0 {
		request.PageSize = largest
	}
	list, err := server.ListReviewItems(ctx, request)
	if err != nil {
		return nil, err
	}
	if request.PageToken = list.GetNextPageToken(); request.PageToken != "" {
		for item, err := range server.ReviewItems(ctx, request) {
			if err != nil {
				return nil, err
			}
			if most > 0 && len(list.GetItems()) >= most {
				break
			}
			list.Items = append(list.Items, item)
		}
	}
	list.NextPageToken = ""
	return list, nil
}

// kindNames are the reasons as people write them.
func kindNames() (names []string) {
	for number := 1; number < len(echelonv1.ReviewReason_Kind_name); number++ {
		names = append(names, report.KindName(echelonv1.ReviewReason_Kind(number)))
	}
	return names
}

func reviewKinds(given []string) (kinds []echelonv1.ReviewReason_Kind, err error) {
	names := kindNames()
	for _, name := range given {
		at := slices.Index(names, name)
		if at < 0 {
			hint := diag.DidYouMean(name, names)
			if hint == "" {
				hint = "it is one of " + strings.Join(names, ", ")
			}
			return nil, usagef("--kind %q is no reason: %s", name, hint)
		}
		if kind := echelonv1.ReviewReason_Kind(at + 1); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

func (c *cli) reviewAcceptCommand() *cobra.Command {
	var note string
	queue := &reviewFlags{}
	cmd := c.calls(&cobra.Command{
		Use:   "accept MODEL CUSTOMER... [--item NAME]",
		Short: "Leave customers of the queue as they are",
		Long: "Accept says that somebody looked at customers of the queue and left them as they are: all of them, or none where one is not in the queue. They come\n" +
			"back when there is another reason, or when something else is computed. Give the run and the thresholds with which they were listed. The tiering is\n" +
			"named by --item, as in `echelon review list`: all that stands after the model are customers.",
		Example: "  echelon review accept b2b AW00000701 AW00000702 --note \"seasonal, back in spring\"\n" +
			"  echelon review accept b2b AW00000701 --item coverage --run latest:b2b",
		Args: cobra.MinimumNArgs(2),
	})
	cmd.RunE = c.calling(func(ctx context.Context, server *client.Client, args []string) error {
		return c.resolveReview(ctx, server, queue, args[0], args[1:], func() *echelonv1.ReviewDecision {
			return &echelonv1.ReviewDecision{Decision: &echelonv1.ReviewDecision_Accept{Accept: &echelonv1.ReviewAccept{Note: note}}}
		})
	})
	queue.add(cmd, decidedItem)
	cmd.Flags().StringVar(&note, "note", "", "why, for whoever looks at it later")
	return cmd
}

func (c *cli) reviewWithdrawCommand() *cobra.Command {
	queue := &reviewFlags{}
	cmd := c.calls(&cobra.Command{
		Use:   "withdraw MODEL CUSTOMER... [--item NAME]",
		Short: "Take back that customers were accepted, by whomever",
		Long: "Withdraw takes back what somebody accepted of customers, so that they are in the queue again for the same reasons: of all of them, or of none where\n" +
			"nobody accepted one. `echelon review list --accepted` shows what is accepted. What was pinned ends by `echelon override delete`.",
		Example: "  echelon review withdraw b2b AW00000701",
		Args:    cobra.MinimumNArgs(2),
	})
	cmd.RunE = c.calling(func(ctx context.Context, server *client.Client, args []string) error {
		return c.resolveReview(ctx, server, queue, args[0], args[1:], func() *echelonv1.ReviewDecision {
			return &echelonv1.ReviewDecision{Decision: &echelonv1.ReviewDecision_Withdrawal{Withdrawal: &echelonv1.ReviewWithdrawal{}}}
		})
	})
	queue.addNames(cmd, decidedItem)
	return cmd
}

const decidedItem = "the tiering, or the segmentation, as in segments.size; the tiering that drives coverage where it is not given"

func (c *cli) reviewOverrideCommand() *cobra.Command {
	var until, etag string
	pin := &echelonv1.ReviewPin{}
	queue := &reviewFlags{}
	cmd := c.calls(&cobra.Command{
		Use:   "override MODEL NAME CUSTOMER... [--item NAME]",
		Short: "Pin a tier, a persona or a segment on customers of the queue",
		Long: "Override pins something on customers of the queue, as `echelon override set` does, and with it they are out of the queue: all of them, or none where\n" +
			"one is not in the queue. Give the run and the thresholds with which they were listed.",
		Example: "  echelon review override b2b high-touch AW00000701 --reason \"launch partner\" --until 2027-01-31",
		Args:    cobra.MinimumNArgs(3),
	})
	cmd.RunE = c.calling(func(ctx context.Context, server *client.Client, args []string) error {
		if pin.Reason == "" {
			return errNoReason
		}
		var err error
		if pin.ExpireTime, err = instant("--until", until); err != nil {
			return err
		}
		if pin.Pinned = args[1]; cmd.Flags().Changed("etag") {
			pin.Etag = &etag
		}
		return c.resolveReview(ctx, server, queue, args[0], args[2:], func() *echelonv1.ReviewDecision {
			return &echelonv1.ReviewDecision{Decision: &echelonv1.ReviewDecision_Pin{Pin: proto.CloneOf(pin)}}
		})
	})
	queue.add(cmd, decidedItem)
	cmd.Flags().StringVar(&pin.Reason, "reason", "", "why; it is needed")
	cmd.Flags().StringVar(&until, "until", "", "when it expires: a date, which ends it at midnight in UTC, or an instant such as 2027-01-31T12:00:00Z")
	cmd.Flags().StringVar(&etag, "etag", "", "the etag of the override that is to be replaced; empty where there must be none")
	return cmd
}

// resolveReview decides the same on customers of the queue.
func (c *cli) resolveReview(ctx context.Context, server *client.Client, queue *reviewFlags, model string, customers []string, decide func() *echelonv1.ReviewDecision) error {
	run, err := queue.runID(ctx, server)
	if err != nil {
		return err
	}
	if err := queue.areCustomers(ctx, server, model, run, customers); err != nil {
		return err
	}
	request := &echelonv1.ResolveReviewItemsRequest{Model: model, RunId: run, Thresholds: queue.thresholds()}
	for _, id := range customers {
		decision := decide()
		decision.CustomerId, decision.Item = id, queue.item
		request.Decisions = append(request.Decisions, decision)
	}
	done, err := server.ResolveReviewItems(ctx, request)
	if err != nil {
		return err
	}
	if c.json {
		return c.printMessage(&echelonv1.ResolveReviewItemsResponse{Items: done})
	}
	return report.Resolved(c.stdout, done)
}
