package badger

import badgerdb "github.com/dgraph-io/badger/v4"

// DatabaseOptions returns the options with which Open opens the database in a folder, for tools that look into it or are to be compared with it.
func DatabaseOptions(dir string, options Options) badgerdb.Options {
	return databaseOptions(dir, options.withDefaults())
}
