// Package badger is a storage.Store in a folder, with the embedded database Badger: there is nothing to install, and one process has the folder.
//
// What was acknowledged is on the disk, synced, unless Options say otherwise. Memory is bounded: the database holds about 300 MB while customers
// are imported at full speed, whatever the store's size, and 3 bytes a customer otherwise; files that it maps come on top and are the operating
// system's to take back. The database ends the process when a disk runs full under it, so that the store refuses writes while there is still a
// reserve.
package badger
