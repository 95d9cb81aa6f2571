package login

// Turns is how many passwords are hashed at once.
func (s *Service) Turns() int { return cap(s.hashing) }

// TakeTurns takes all turns until the returned function is called.
func (s *Service) TakeTurns() (done func()) {
	for range cap(s.hashing) {
		s.hashing <- struct{}{}
	}
	return func() {
		for range cap(s.hashing) {
			<-s.hashing
		}
	}
}
