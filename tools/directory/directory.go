// Package directory answers questions about people and mailing lists: who somebody is, whom they report to, which
// lists they are on, and through which nested lists. The tools know only the Directory interface; what is behind it
// is chosen by who builds the pack.
package directory

import "context"

// Directory is a source of people and lists. All methods may be called from many goroutines at once, block at most
// until ctx ends, and return an error only when they could not find out: an error never means "no". What does not
// exist is found == false, or an empty slice, with a nil error.
//
// Identities and names are compared without regard to case. Slices belong to the caller. A source that can fail logs its
// failures itself: a walk through nested lists goes on past one of them and only tells the reader what it missed, but for a
// *Failure that says the directory is down. A *Failure is what models are told; other errors are internal ones to them.
type Directory interface {
	// Person finds the one person whose login, mail address, UPN or DN is identity. More than one match is an error.
	Person(ctx context.Context, identity string) (p Person, found bool, err error)

	// Group finds the one list whose name, mail address or DN is name. More than one match is an error.
	Group(ctx context.Context, name string) (g Group, found bool, err error)

	// GroupsOf returns the lists that have the person or list with this DN as a direct member, an Active Directory
	// primary group included, ordered by name. login is the person's, empty for a list: some lists name people by it.
	GroupsOf(ctx context.Context, dn, login string) ([]Group, error)

	// Members returns the direct members of the list with this DN, all of them: a part of them is an error.
	Members(ctx context.Context, groupDN string) (Members, error)

	// Search returns up to limit people who match every word of query in their login, name, mail address, title or
	// department, ordered by Position, which is by login, beginning after the position given in after (empty: from the first).
	Search(ctx context.Context, query, after string, limit int) ([]Person, error)

	// NearPeople returns up to n logins of people that identity may have been meant for, likeliest first.
	NearPeople(ctx context.Context, identity string, n int) ([]string, error)

	// NearGroups returns up to n names of lists that name may have been meant for, likeliest first.
	NearGroups(ctx context.Context, name string, n int) ([]string, error)
}

// A Climber is a Directory that finds what is above a person in fewer questions than one a list.
type Climber interface {
	// Climb returns the lists that the person is on, directly or through other lists, each once and after the one below it
	// by which it is reached on a shortest way; those by which until is reached, and it, where until is not empty, which is
	// a list's DN. Where there is no way to it there are no steps. An error that wraps errors.ErrUnsupported says that this
	// cannot be found in a few questions, and that the lists have to be asked for one by one; where until is not empty, it says
	// also that there is a way.
	Climb(ctx context.Context, p Person, until string) ([]Step, error)
}

// A Witness is a Directory that may not be shown every membership there is.
type Witness interface {
	// Shows says whether the person's membership in the list would have been found if there were one. Where it would not, no
	// answer may be made of its absence.
	Shows(ctx context.Context, p Person, groupDN string) (bool, error)
}

// Step is a list above a person.
type Step struct {
	Group
	From int // index of the step below it; -1 where the person is a direct member
}

// Person is somebody with an account. DN is never empty and identifies the person; the rest may be empty.
type Person struct {
	DN          string
	Login       string // sAMAccountName, uid
	UPN         string // user principal name, often but not always the mail address
	Mail        string
	DisplayName string
	Title       string
	Department  string
	ManagerDN   string // empty for who reports to nobody
	Disabled    bool   // the account exists and cannot be used
}

// Group is a mailing list or another group. DN is never empty and identifies the group.
type Group struct {
	DN          string
	Name        string // the short name, e.g. "all-staff"
	Mail        string
	Description string
}

// Members are the direct members of one list, people ordered by login and lists ordered by name.
type Members struct {
	People []Person
	Groups []Group
}
