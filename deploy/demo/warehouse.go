package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// warehouse is a local HTTP API: an existing system of the company, which knows nothing of MCP. warehouse.yaml says what
// it answers.
type warehouse struct {
	mu        sync.Mutex
	shipments []shipment // newest first
}

type shipment struct {
	ID      string `json:"id"`
	Order   int    `json:"order"`
	Status  string `json:"status"`
	Carrier string `json:"carrier"`
	Note    string `json:"note,omitempty"`
}

func newWarehouse() *warehouse {
	w := new(warehouse)
	for i := 40; i > 0; i-- {
		status := "arrived"
		if i > 30 {
			status = []string{"packed", "left"}[i%2]
		}
		w.shipments = append(w.shipments, shipment{
			ID: fmt.Sprintf("S-%d", 1000+i), Order: 1200 + i, Status: status, Carrier: []string{"Parcelo", "Seaway"}[i%3/2],
		})
	}
	return w
}

func (w *warehouse) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shipments", w.list)
	mux.HandleFunc("GET /shipments/{id}", w.show)
	mux.HandleFunc("POST /shipments/{id}/hold", w.hold)
	mux.HandleFunc("GET /stock/{sku}", w.stock)
	return mux
}

func (w *warehouse) list(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		limit = 10
	}
	found := []shipment{}
	for _, s := range w.shipments {
		if status := r.FormValue("status"); len(found) < limit && (status == "" || s.Status == status) {
			found = append(found, s)
		}
	}
	answer(out, http.StatusOK, found)
}

func (w *warehouse) show(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.find(r.PathValue("id")); s != nil {
		answer(out, http.StatusOK, s)
		return
	}
	answer(out, http.StatusNotFound, map[string]string{"message": "there is no such shipment"})
}

func (w *warehouse) hold(out http.ResponseWriter, r *http.Request) {
	var why struct {
		Reason string `json:"reason"`
	}
	if err := json.NewDecoder(r.Body).Decode(&why); err != nil || why.Reason == "" {
		answer(out, http.StatusBadRequest, map[string]string{"message": "a reason is required"})
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch s := w.find(r.PathValue("id")); {
	case s == nil:
		answer(out, http.StatusNotFound, map[string]string{"message": "there is no such shipment"})
	case s.Status != "packed" && s.Status != "held":
		answer(out, http.StatusConflict, map[string]string{"message": "it has left already"})
	default:
		s.Status, s.Note = "held", why.Reason
		answer(out, http.StatusOK, s)
	}
}

// find is called with the lock held.
func (w *warehouse) find(id string) *shipment {
	if i := slices.IndexFunc(w.shipments, func(s shipment) bool { return s.ID == id }); i >= 0 {
		return &w.shipments[i]
	}
	return nil
}

func (w *warehouse) stock(out http.ResponseWriter, r *http.Request) {
	sku := r.PathValue("sku")
	pieces := 0
	for _, c := range sku {
		pieces = (pieces*31 + int(c)) % 97
	}
	places := []map[string]any{{"shelf": "A" + strconv.Itoa(pieces%9), "pieces": pieces}}
	answer(out, http.StatusOK, map[string]any{"sku": sku, "pieces": pieces, "places": places})
}

func answer(out http.ResponseWriter, status int, body any) {
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(body) // the client is gone: nobody is left to tell
}
