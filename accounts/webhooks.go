package accounts

import "github.com/conversalabs/internalchat/accounts/tenant"

// NewWebhookSecret makes the secret that an incoming webhook's address ends with.
// Only its [Hash] is kept.
func (s *Service) NewWebhookSecret(account tenant.ID) (string, error) {
	return s.mint(webhookToken, account)
}

// WebhookAccount reads the account from a webhook's secret. That it is well-formed
// says nothing about whether it was ever given to anybody.
func WebhookAccount(secret string) (tenant.ID, bool) { return accountOf(secret, webhookToken) }
