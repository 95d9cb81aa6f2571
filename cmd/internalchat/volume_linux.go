package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// volumeOf looks at the file system that a folder lies on.
func volumeOf(folder string) (volume, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return volume{}, fmt.Errorf("statfs: %w", err)
	}
	v := volume{free: s.Bavail * uint64(max(s.Bsize, 0))}
	switch s.Type {
	case unix.NFS_SUPER_MAGIC:
		v.network = "NFS"
	case unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC:
		v.network = "SMB"
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		v.memory = true
	}
	return v, nil
}

// writable tells why files cannot be made in a folder.
func writable(folder string) error {
	return unix.Access(folder, unix.R_OK|unix.W_OK|unix.X_OK)
}
