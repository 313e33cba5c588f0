// Package badger is a storage.Store in a folder, with the embedded database Badger: there is nothing to install, and one process has the folder.
//
// What was acknowledged is on the disk, synced, unless Options say otherwise. Memory is bounded: about 250 MB while customers are being imported,
// less otherwise. Badger ends the process when a disk runs full under it, so that the store refuses writes while there is still a reserve.
package badger
