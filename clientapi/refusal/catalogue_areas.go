package refusal

import "maps"

// portuguese holds the pt-BR sentences by their English originals.
var portuguese = joined(
	portugueseClientAPI,
	portugueseAccounts,
	portugueseLogin,
	portugueseOAuth,
	portugueseRooms,
	portugueseBots,
	portugueseProvisioning,
	portugueseWebhooks,
	portugueseServices,
	portugueseKinds,
	portugueseLevels,
	portugueseCards,
	portugueseBell,
	portugueseMedia,
	portugueseSeen,
	portugueseMembers,
	portugueseOnboarding,
)

// spanish holds the es sentences by their English originals.
var spanish = joined(
	spanishClientAPI,
	spanishAccounts,
	spanishLogin,
	spanishOAuth,
	spanishRooms,
	spanishBots,
	spanishProvisioning,
	spanishWebhooks,
	spanishServices,
	spanishKinds,
	spanishLevels,
	spanishCards,
	spanishBell,
	spanishMedia,
	spanishSeen,
	spanishMembers,
	spanishOnboarding,
)

// joined is the catalogue of a language from its areas. A sentence of several
// areas stands in one of them: two translations would drift apart.
func joined(areas ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, area := range areas {
		for english := range area {
			if all[english] != "" {
				panic("refusal: two translations of " + english)
			}
		}
		maps.Copy(all, area)
	}
	return all
}
