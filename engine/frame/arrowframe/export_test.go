package arrowframe

// WindowsWithin is windowsWithin, for tests.
var WindowsWithin = windowsWithin
