package client_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var evaluator = client.StoredModel("accounts", 3)

// calibrating takes the population by the rules and answers what answer returns for it.
func calibrating(answer func([]*echelonv1.Customer) *echelonv1.CalibrateResponse) func(calibrateServer) error {
	return func(s calibrateServer) error {
		first, err := s.Recv()
		if err != nil || first.GetHeader() == nil {
			return fmt.Errorf("the header is %v: %w", first, err)
		}
		var population []*echelonv1.Customer
		for want := int64(1); ; want++ {
			request, err := s.Recv()
			if err == io.EOF {
				return s.SendAndClose(answer(population))
			}
			if err != nil {
				return err
			}
			if got := request.GetBatch().GetSequence(); got != want {
				return fmt.Errorf("batch %d came where %d was due", got, want)
			}
			population = append(population, request.GetBatch().GetRows().GetCustomers()...)
		}
	}
}

// learn answers as a service does.
func learn(population []*echelonv1.Customer) *echelonv1.CalibrateResponse {
	res := &echelonv1.CalibrateResponse{Calibration: &echelonv1.Calibration{ModelFingerprint: "f"}}
	for i, customer := range population {
		if refusal := refuse(i, customer); refusal != nil {
			res.Errors = append(res.Errors, refusal)
			res.Calibration.Refused++
			continue
		}
		res.Calibration.Customers++
	}
	return res
}

func TestCalibrateCountsAndNamesEveryRefusedCustomerWhateverTheBatchesAre(t *testing.T) {
	t.Cleanup(func() { checkNoGoroutines(t) })
	rapid.Check(t, func(t *rapid.T) {
		customers, outcomes := drawCustomers(t)
		c, stop := serve(&fake{calibrate: calibrating(learn)}, client.WithBatchRows(rapid.IntRange(1, 12).Draw(t, "rows")))
		defer stop()
		learned, refused, err := c.Calibrate(t.Context(), evaluator, all(customers...))
		if err != nil {
			t.Fatal(err)
		}
		var want []*echelonv1.RowError
		for _, outcome := range outcomes {
			if outcome.Error != nil {
				want = append(want, outcome.Error)
			}
		}
		if diff := cmp.Diff(want, refused, protocmp.Transform(), protocmp.IgnoreFields(&echelonv1.RowError{}, "message")); diff != "" {
			t.Error(diff)
		}
		if int(learned.GetRefused()) != len(want) || int(learned.GetCustomers()) != len(customers)-len(want) {
			t.Errorf("of %d customers, %d learned from and %d refused", len(customers), learned.GetCustomers(), learned.GetRefused())
		}
	})
}

func TestCalibrateListsTheFirstThousandRefusedCustomersAndCountsAll(t *testing.T) {
	c := start(t, &fake{calibrate: calibrating(learn)})
	learned, refused, err := c.Calibrate(t.Context(), evaluator, repeat(1500, customer("\xff")))
	if err != nil || learned.GetRefused() != 1500 || len(refused) != 1000 || refused[999].GetIndex() != 999 {
		t.Errorf("%v, %d listed, error %v", learned, len(refused), err)
	}
}

func TestThereIsNoCalibrationOfAPartOfThePopulation(t *testing.T) {
	c := start(t, &fake{calibrate: calibrating(learn)}, client.WithBatchRows(2))
	learned, _, err := c.Calibrate(t.Context(), evaluator, damaged(t, 7))
	if err != errFile || learned != nil {
		t.Errorf("%v and error %v", learned, err)
	}
}

func TestAnErrorOfTheServiceEndsCalibrate(t *testing.T) {
	c := start(t, &fake{calibrate: func(s calibrateServer) error {
		for range 2 { // the header and a batch
			if _, err := s.Recv(); err != nil {
				return err
			}
		}
		return status.Error(codes.NotFound, "there is no such model")
	}})
	stopped := false
	_, _, err := c.Calibrate(t.Context(), evaluator, endless(&stopped))
	if !client.IsNotFound(err) || !stopped {
		t.Errorf("error %v, sequence stopped: %v", err, stopped)
	}
}

func TestACalibrationThatBreaksTheProtocolIsAnError(t *testing.T) {
	withErrors := func(indexes ...int64) func(calibrateServer) error {
		return calibrating(func(population []*echelonv1.Customer) *echelonv1.CalibrateResponse {
			res := learn(population)
			for _, index := range indexes {
				res.Errors = append(res.Errors, rowError(index))
			}
			return res
		})
	}
	nothing := func([]*echelonv1.Customer) *echelonv1.CalibrateResponse { return &echelonv1.CalibrateResponse{} }
	for _, test := range []struct {
		name       string
		serve      func(calibrateServer) error
		population iter.Seq2[*echelonv1.Customer, error]
		want       string
	}{
		{"it comes too early", func(s calibrateServer) error { return s.SendAndClose(learn(nil)) }, endless(new(bool)), "before all customers were sent"},
		{"it is missing", calibrating(nothing), numbered(4), "lacks its"},
		{"its errors are out of order", withErrors(3, 2), numbered(4), "an error for row 2 of 4 came after one for row 3"},
		{"an error is for a row that was not sent", withErrors(4), numbered(4), "an error for row 4 of 4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, &fake{calibrate: test.serve}, client.WithBatchRows(2))
			_, _, err := c.Calibrate(t.Context(), evaluator, test.population)
			checkBroken(t, err, test.want)
		})
	}
}

func TestAServiceThatTakesNoMoreCustomersIsAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := serve(&fake{calibrate: func(s calibrateServer) error {
			<-s.Context().Done()
			return s.Context().Err()
		}})
		defer stop()
		stopped := false
		_, _, err := c.Calibrate(t.Context(), evaluator, endless(&stopped))
		if client.ReasonOf(err) != echelonv1.ErrorReason_STREAM_STALLED || errors.Is(err, io.EOF) || !stopped {
			t.Errorf("error %v, sequence stopped: %v", err, stopped)
		}
	})
}
